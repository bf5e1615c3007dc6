package account

import (
	"context"
	"crypto/md5" //nolint:gosec // ETags are MD5.
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
)

// objectInput is the input of all operations on objects.
type objectInput struct {
	Bucket, Key, IfMatch, IfNoneMatch, Prefix, ContinuationToken string
	MaxKeys                                                      int32
	Body                                                         []byte
}

// object is one of a bucket.
type object struct {
	Key, ETag    string
	Size         int
	LastModified time.Time

	body []byte
}

func (a *Account) objectsAPI() awsapi.Service {
	conditions := map[string]string{"If-Match": "IfMatch", "If-None-Match": "IfNoneMatch"}
	operation := func(action string, do func(context.Context, *objectInput) (*awsapi.Raw, error)) awsapi.Operation {
		locked := func(ctx context.Context, in *objectInput) (*awsapi.Raw, error) {
			if a.find("s3/bucketV2", "id", in.Bucket) == nil {
				return nil, refuse("NoSuchBucket", "The specified bucket does not exist")
			}
			a.objects.Lock()
			defer a.objects.Unlock()
			return do(ctx, in)
		}
		return awsapi.Needs(awsapi.Do(locked), func(_ context.Context, in *objectInput) awsapi.Permission {
			p := on(strings.TrimSuffix("arn:aws:s3:::"+in.Bucket+"/"+in.Key, "/"))
			p.Action = action
			return p
		})
	}
	return awsapi.Service{
		SigningName: "s3", Payload: "Body",
		Routes: map[string]string{
			"GET /{Bucket}": "ListObjectsV2", "GET /{Bucket}/{Key+}": "GetObject", "HEAD /{Bucket}/{Key+}": "HeadObject",
			"PUT /{Bucket}/{Key+}": "PutObject", "DELETE /{Bucket}/{Key+}": "DeleteObject",
		},
		Parameters: map[string]map[string]string{
			"ListObjectsV2": {"prefix": "Prefix", "continuation-token": "ContinuationToken", "max-keys": "MaxKeys"},
			"PutObject":     conditions, "DeleteObject": conditions,
		},
		Operations: map[string]awsapi.Operation{
			"ListObjectsV2": operation("ListBucket", a.listObjects), "GetObject": operation("", a.getObject),
			"HeadObject": operation("GetObject", a.getObject), "PutObject": operation("", a.putObject),
			"DeleteObject": operation("", a.deleteObject),
		},
	}
}

func (a *Account) objectFile(in *objectInput) string {
	return a.path("objects", in.Bucket, url.PathEscape(in.Key))
}

// object reads one, nil when there is none.
func (a *Account) object(in *objectInput) (*object, error) {
	body, err := os.ReadFile(a.objectFile(in))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	about, err := os.Stat(a.objectFile(in))
	if err != nil {
		return nil, err
	}
	return &object{in.Key, etagOf(body), len(body), about.ModTime().UTC(), body}, nil
}

func etagOf(body []byte) string { return fmt.Sprintf("%q", fmt.Sprintf("%x", md5.Sum(body))) } //nolint:gosec // as above.

// permitted refuses a write whose condition does not hold.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
func (in *objectInput) permitted(current *object) error {
	switch {
	case in.IfMatch != "" && current == nil:
		return refuse("NoSuchKey", "The specified key does not exist.")
	case in.IfMatch != "" && in.IfMatch != "*" && strings.Trim(in.IfMatch, `"`) != strings.Trim(current.ETag, `"`), in.IfNoneMatch == "*" && current != nil:
		return refuse("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	return nil
}

func (a *Account) getObject(_ context.Context, in *objectInput) (*awsapi.Raw, error) {
	o, err := a.object(in)
	if err == nil && o == nil {
		err = refuse("NoSuchKey", "The specified key does not exist.")
	}
	if err != nil {
		return nil, err
	}
	return &awsapi.Raw{Body: o.body, Header: http.Header{
		"Etag": {o.ETag}, "Last-Modified": {o.LastModified.Format(http.TimeFormat)}, "Content-Length": {strconv.Itoa(o.Size)},
	}}, nil
}

func (a *Account) putObject(_ context.Context, in *objectInput) (*awsapi.Raw, error) {
	current, err := a.object(in)
	if err == nil {
		err = in.permitted(current)
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(a.objectFile(in)), 0o755)
	}
	if err == nil {
		err = os.WriteFile(a.objectFile(in), in.Body, 0o600)
	}
	return &awsapi.Raw{Header: http.Header{"Etag": {etagOf(in.Body)}}}, err
}

func (a *Account) deleteObject(_ context.Context, in *objectInput) (*awsapi.Raw, error) {
	current, err := a.object(in)
	if err == nil {
		err = in.permitted(current)
	}
	if err == nil && current != nil {
		err = os.Remove(a.objectFile(in))
	}
	return &awsapi.Raw{}, err
}

// objectsPage is the greatest page of objects.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
const objectsPage = 1000

func (a *Account) listObjects(_ context.Context, in *objectInput) (*awsapi.Raw, error) {
	files, err := os.ReadDir(a.path("objects", in.Bucket))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var keys []string
	for _, file := range files {
		if key, err := url.PathUnescape(file.Name()); err == nil && strings.HasPrefix(key, in.Prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	part, next, err := page(keys, &in.ContinuationToken, &in.MaxKeys, objectsPage)
	if err != nil {
		return nil, err
	}
	answer := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		KeyCount              int
		IsTruncated           bool
		NextContinuationToken *string `xml:",omitempty"`
		Contents              []object
	}{KeyCount: len(part), IsTruncated: next != nil, NextContinuationToken: next}
	for _, key := range part {
		o, err := a.object(&objectInput{Bucket: in.Bucket, Key: key})
		if err != nil {
			return nil, err
		}
		answer.Contents = append(answer.Contents, *o)
	}
	body, err := xml.Marshal(answer)
	return &awsapi.Raw{Body: body, Header: http.Header{"Content-Type": {"application/xml"}}}, err
}
