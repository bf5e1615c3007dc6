package balancer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"
)

// statusClientClosed is ALB's status of a request that the client gave up.
const statusClientClosed = 460

// proxy answers the requests of a listener.
type proxy struct {
	listener *listener
	reverse  *httputil.ReverseProxy
}

// exchange is one request and what became of it.
type exchange struct {
	listener *Listener
	balancer *balancer
	request  *http.Request
	response *recorder

	received, sent, answered time.Time
	trace                    string
	rule                     int
	action, redirect         string
	group                    *group
	target                   *target
	targetStatus             int
	unreachable              bool
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

func newProxy(l *listener) *proxy {
	return &proxy{l, &httputil.ReverseProxy{
		Rewrite: rewrite, Transport: roundTripper{}, ErrorHandler: failed,
		ErrorLog: log.New(io.Discard, "", 0), // the access log has it.
	}}
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	x := &exchange{
		listener: p.listener.spec.Load(), balancer: p.listener.balancer, request: r,
		response: &recorder{ResponseWriter: w}, received: now, action: "-",
	}
	defer x.finish()
	x.trace = trace(r.Header.Get(traceHeader), now)
	if !x.balancer.kept(r) && r.Header.Get("Upgrade") == "" {
		w.Header().Set("Connection", "close")
	}
	blocked := x.balancer.waf.Load().judge(clientIP(r), r)
	switch {
	case blocked != 0:
		x.action = "waf"
		x.balancer.blocked.Add(1)
		x.fail(blocked)
	case r.Method == http.MethodTrace:
		x.fail(http.StatusMethodNotAllowed)
	default:
		p.act(x)
	}
}

// act does what the rules of the listener say.
func (p *proxy) act(x *exchange) {
	action, rule := x.listener.decide(x.request)
	x.rule, x.action = rule, action.Type
	switch action.Type {
	case Redirection:
		x.redirect = action.Redirect.location(x.request, x.listener.Protocol, strconv.Itoa(x.listener.Port))
		x.response.Header().Set("Location", x.redirect)
		status := http.StatusMovedPermanently
		if action.Redirect.StatusCode == "HTTP_302" {
			status = http.StatusFound
		}
		x.fail(status)
	case FixedResponse:
		status, _ := strconv.Atoi(action.FixedResponse.StatusCode) // AWS took it: it is a number.
		x.response.Header().Set("Server", server)
		x.response.Header().Set("Content-Type", action.FixedResponse.ContentType)
		x.response.WriteHeader(max(status, http.StatusOK))
		_, _ = io.WriteString(x.response, action.FixedResponse.MessageBody) // the client may have gone.
	default:
		p.forward(x, action.TargetGroupARN)
	}
}

// forward sends a request to a target of a group.
func (p *proxy) forward(x *exchange, groupARN string) {
	if x.group = x.balancer.all.group(groupARN); x.group != nil {
		x.target = x.group.pick()
	}
	if x.target == nil {
		x.fail(http.StatusServiceUnavailable)
		return
	}
	defer x.group.release(x.target)
	ctx, cancel := context.WithCancel(context.WithValue(x.request.Context(), exchangeKey{}, x))
	defer cancel()
	stop := context.AfterFunc(x.target.cut, cancel)
	defer stop()
	p.reverse.ServeHTTP(x.response, x.request.WithContext(ctx))
}

func rewrite(r *httputil.ProxyRequest) {
	x := exchangeOf(r.In.Context())
	r.Out.URL.Scheme, r.Out.URL.Host = "http", x.target.address
	r.Out.URL.RawQuery, r.Out.Host = r.In.URL.RawQuery, r.In.Host
	if x.balancer.spec.Load().DropInvalidHeaderFields {
		dropInvalid(r.Out.Header)
	}
	forwarded(r.In, r.Out, clientIP(r.In), x.listener.Protocol, x.listener.Port)
	r.Out.Header.Set(traceHeader, x.trace)
}

// roundTripper measures the target.
type roundTripper struct{}

func (roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r.Context())
	x.sent = time.Now()
	resp, err := x.balancer.transport.Load().RoundTrip(r)
	x.answered = time.Now()
	if err == nil {
		x.targetStatus = resp.StatusCode
	}
	return resp, err
}

// failed answers when a target did not.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#load-balancer-http-error-codes
func failed(_ http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	var network net.Error
	var operation *net.OpError
	x.unreachable = errors.As(err, &operation) && operation.Op == "dial"
	switch {
	case x.target.cut.Err() == nil && x.request.Context().Err() != nil:
		x.response.status = statusClientClosed // there is nobody to answer.
	case x.target.cut.Err() == nil && errors.As(err, &network) && network.Timeout():
		x.fail(http.StatusGatewayTimeout)
	default:
		x.fail(http.StatusBadGateway)
	}
}

const server = "awselb/2.0"

// fail answers as the load balancer itself.
func (x *exchange) fail(status int) {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	if status == http.StatusServiceUnavailable {
		title = "503 Service Temporarily Unavailable"
	}
	x.response.Header().Set("Server", server)
	x.response.Header().Set("Content-Type", "text/html")
	x.response.WriteHeader(status)
	body := "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title + "</h1></center>\r\n</body>\r\n</html>\r\n"
	_, _ = io.WriteString(x.response, body) // the client may have gone.
}

// finish counts and logs a request.
func (x *exchange) finish() {
	now := time.Now()
	if x.group != nil {
		x.group.metrics.observe(now, outcome{
			sent: x.target != nil, unreachable: x.unreachable, targetStatus: x.targetStatus, status: x.response.status,
			responseTime: x.answered.Sub(x.sent),
		})
	}
	_, _ = io.WriteString(x.balancer.log, x.logEntry(now)) // a full disk must not stop requests.
}

// recorder notes the status and the size of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(data []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(data)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets [http.ResponseController] flush and hijack.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// protocol is the type of an access log entry.
func (x *exchange) protocol() string {
	name := strings.ToLower(x.listener.Protocol)
	switch {
	case x.targetStatus == http.StatusSwitchingProtocols:
		return strings.Replace(name, "http", "ws", 1)
	case x.request.ProtoMajor == 2:
		return "h2"
	}
	return name
}
