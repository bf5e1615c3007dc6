package balancer

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// iso8601 is the time format of access logs.
const iso8601 = "2006-01-02T15:04:05.000000Z"

// maxUserAgent is what is logged of a User-Agent.
const maxUserAgent = 8 << 10

// logEntry is the line of the access log. Sizes leave out what HTTP/2 saves.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html#access-log-entry-format
func (x *exchange) logEntry(now time.Time) string {
	r, spec := x.request, x.balancer.spec.Load()
	target, targetStatus, group := "-", "-", "-"
	waiting, processing, responding := "-1", "-1", "-1"
	if x.target != nil {
		target = x.target.address
	}
	if x.group != nil {
		group = x.group.current().ARN
	}
	if x.targetStatus != 0 {
		targetStatus = fmt.Sprint(x.targetStatus)
		waiting, processing, responding = seconds(x.sent.Sub(x.received)), seconds(x.answered.Sub(x.sent)), seconds(now.Sub(x.answered))
	}
	cipher, protocol, domain, certificate := "-", "-", "-", "-"
	if r.TLS != nil {
		cipher, protocol = tls.CipherSuiteName(r.TLS.CipherSuite), strings.ReplaceAll(tls.VersionName(r.TLS.Version), "TLS ", "TLSv")
		domain, certificate = dash(r.TLS.ServerName), dash(x.listener.CertificateARN)
	}
	_, elb, _ := strings.Cut(spec.ARN, "loadbalancer/")
	line := fmt.Sprintf("%s %s://%s:%d%s %s", r.Method, strings.ToLower(x.listener.Protocol), hostname(r.Host), x.listener.Port,
		r.URL.RequestURI(), r.Proto)
	return fmt.Sprintf("%s %s %s %s %s %s %s %s %d %s %d %d %q %q %s %s %s %q %q %q %d %s %q %q %q %q %q %q %q\n",
		x.protocol(), now.UTC().Format(iso8601), dash(elb), r.RemoteAddr, target, waiting, processing, responding,
		x.response.status, targetStatus, headerSize(r.Header)+int64(len(line))+max(r.ContentLength, 0),
		headerSize(x.response.Header())+x.response.bytes, line, fmt.Sprintf("%.*s", maxUserAgent, dash(r.UserAgent())),
		cipher, protocol, group, x.trace, domain, certificate, x.rule, x.received.UTC().Format(iso8601),
		x.action, dash(x.redirect), "-", target, targetStatus, "-", "-")
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// headerSize is how many bytes a header takes in HTTP/1.1.
func headerSize(header http.Header) (size int64) {
	for name, values := range header {
		for _, value := range values {
			size += int64(len(name) + len(value) + len(": \r\n"))
		}
	}
	return size
}
