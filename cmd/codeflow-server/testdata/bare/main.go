// Command bare answers the paths in a file with net/http alone, for the benchmarks,
// which write the file:
//
//	bare <port> <answers.json>
//
// The file has headers and a body for each path. It is the limit of what a server
// in Go reaches.
package main

import (
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"os"
	"strconv"
)

func main() {
	data, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	var answers map[string]struct {
		Headers map[string]string
		Body    string
	}
	if err := json.Unmarshal(data, &answers); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	for path, answer := range answers {
		body := []byte(answer.Body)
		header := http.Header{"Content-Length": {strconv.Itoa(len(body))}}
		for name, value := range answer.Headers {
			header[name] = []string{value}
		}
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			maps.Copy(w.Header(), header)
			_, _ = w.Write(body)
		})
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], mux)) //nolint:gosec // the benchmarks are its clients
}
