package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func connect(ctx context.Context, transport mcp.Transport) (*mcp.ClientSession, error) {
	return mcp.NewClient(&mcp.Implementation{Name: "conformance", Version: "1"}, nil).Connect(ctx, transport, nil)
}

// checkGo carries out a plan with the Go SDK's client.
func checkGo(ctx context.Context, r *report, name string, transport mcp.Transport, p *plan) {
	session, err := connect(ctx, transport)
	if err != nil {
		r.check(name+" initialize", "", err)
		return
	}
	init := session.InitializeResult()
	r.check(name+" initialize", fmt.Sprintf("%s %s, protocol %s", init.ServerInfo.Name, init.ServerInfo.Version, init.ProtocolVersion), nil)
	// No ping: the newest protocol has none, and the SDK's client speaks that.
	checkList(r, name, "tools", p, session.Tools(ctx, nil), func(t *mcp.Tool) string { return t.Name })
	checkList(r, name, "prompts", p, session.Prompts(ctx, nil), func(p *mcp.Prompt) string { return p.Name })
	checkList(r, name, "resources", p, session.Resources(ctx, nil), func(r *mcp.Resource) string { return r.URI })
	checkList(r, name, "resourceTemplates", p, session.ResourceTemplates(ctx, nil), func(t *mcp.ResourceTemplate) string { return t.URITemplate })
	for _, s := range p.Steps {
		if ctx.Err() != nil {
			return
		}
		result, err := request(ctx, session, s)
		detail, err := s.judge(result, err)
		r.check(name+" "+s.Name, detail, err)
	}
	r.check(name+" close", "", session.Close())
}

// checkList compares a list, over all of its pages, with what it must have.
func checkList[T any](r *report, name, what string, p *plan, items iter.Seq2[T, error], key func(T) string) {
	got := []string{}
	for item, err := range items {
		if err != nil {
			r.check(name+" "+what, "", err)
			return
		}
		got = append(got, key(item))
	}
	slices.Sort(got)
	var err error
	if want := p.Lists[what]; !slices.Equal(got, want) {
		err = fmt.Errorf("got %q, want %q", got, want)
	}
	r.check(name+" "+what, fmt.Sprintf("%d listed", len(got)), err)
}

func request(ctx context.Context, session *mcp.ClientSession, s step) (any, error) {
	switch s.Method {
	case "tools/call":
		return send(ctx, s.Params, session.CallTool)
	case "prompts/get":
		return send(ctx, s.Params, session.GetPrompt)
	case "resources/read":
		return send(ctx, s.Params, session.ReadResource)
	case "completion/complete":
		return send(ctx, s.Params, session.Complete)
	}
	return nil, fmt.Errorf("no client has a method for %q", s.Method)
}

// send gives a method the parameters in its own type.
func send[P, R any](ctx context.Context, params any, method func(context.Context, *P) (R, error)) (any, error) {
	data, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	typed := new(P)
	if err := json.Unmarshal(data, typed); err != nil {
		return nil, err
	}
	return method(ctx, typed)
}

// answer is what any method's result may have.
type answer struct {
	IsError    bool
	Content    []struct{ Text string }
	Contents   []struct{ Text string }
	Messages   []struct{ Content struct{ Text string } }
	Completion struct{ Values []string }
}

// text is the first text of an answer.
func (a answer) text() string {
	switch {
	case len(a.Content) > 0:
		return a.Content[0].Text
	case len(a.Contents) > 0:
		return a.Contents[0].Text
	case len(a.Messages) > 0:
		return a.Messages[0].Content.Text
	case len(a.Completion.Values) > 0:
		return a.Completion.Values[0]
	}
	return ""
}

// judge compares an answer with what a step wants.
func (s step) judge(result any, err error) (detail string, _ error) {
	data, _ := json.Marshal(result) // it came from JSON
	var a answer
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	text := a.text()
	var refusal *jsonrpc.Error
	switch {
	case s.Refused && a.IsError && text != "":
		return text, nil
	case s.Refused && errors.As(err, &refusal):
		return refusal.Error(), nil
	case err != nil:
		return "", err
	case s.Refused:
		return "", fmt.Errorf("it was not refused: %s", data)
	case a.IsError || text == "" || s.Text != "" && s.Text != text:
		return "", fmt.Errorf("not what it should be: %s", data)
	}
	return fmt.Sprintf("%d bytes", len(text)), nil
}
