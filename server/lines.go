package server

import (
	"bytes"
	"errors"
	"net"
	"sync/atomic"
)

// maxHeaders is how many lines the headers of a request may have, itself included.
// net/http bounds their bytes alone, and short ones take twenty times theirs: a
// thousand connections with 14 KB of them took 320 MB. Clients send twenty.
const maxHeaders = 128

var errHeaders = errors.New("the request has too many headers")

// fewHeaders closes connections with more lines of headers.
type fewHeaders struct{ net.Listener }

func (l fewHeaders) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &counted{Conn: c}, nil
}

// counted counts the lines that come after an answer, until one is empty: what
// follows is a body. Of requests that are sent before the answer to another one, what
// net/http reads at once, 4 KB, is not counted.
type counted struct {
	net.Conn

	lines atomic.Int32
	begun bool // the line that is being read, by one reader at a time
}

// body is the number of lines while a body may be read.
const body = -1

func (c *counted) Read(p []byte) (int, error) {
	if c.lines.Load() > maxHeaders {
		return 0, errHeaders // again: net/http looks ahead without regard to errors
	}
	n, err := c.Conn.Read(p)
	for rest := p[:n]; len(rest) > 0 && c.lines.Load() != body; {
		line, after, ended := bytes.Cut(rest, []byte{'\n'})
		c.begun = c.begun || len(bytes.Trim(line, "\r")) > 0
		rest = after
		switch {
		case !ended:
		case !c.begun:
			c.lines.Store(body)
		case c.lines.Add(1) > maxHeaders:
			return 0, errHeaders
		default:
			c.begun = false
		}
	}
	if n > 0 && c.lines.Load() == body {
		c.begun = p[n-1] != '\n' // by whatever follows an answer
	}
	return n, err
}

var goOn = []byte("HTTP/1.1 100 ")

func (c *counted) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(p, goOn) { // which asks for the body
		c.lines.Store(0)
	}
	return c.Conn.Write(p)
}
