package aws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// maxObject bounds what is read of an object, in bytes.
const maxObject = 16 << 20

// Object is an object in a bucket that is replaced by conditional writes. It
// implements [ops.Store].
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
type Object struct {
	client      *s3.Client
	bucket, key string
}

var _ ops.Store = (*Object)(nil)

// NewObject returns the object of a bucket in the config's region.
func NewObject(cfg aws.Config, bucket, key string) *Object {
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil })
	return &Object{client, bucket, key}
}

func (o *Object) String() string { return "s3://" + o.bucket + "/" + o.key }

// Read implements [ops.Store]. Both times that make the age are S3's.
func (o *Object) Read(ctx context.Context) (ops.Stored, error) {
	out, err := o.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(o.bucket), Key: aws.String(o.key)})
	var none *types.NoSuchKey
	if errors.As(err, &none) {
		return ops.Stored{}, nil
	}
	if err != nil {
		return ops.Stored{}, fmt.Errorf("reading %s: %w", o, err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, maxObject))
	if err != nil {
		return ops.Stored{}, fmt.Errorf("reading %s: %w", o, err)
	}
	now, ok := awsmiddleware.GetServerTime(out.ResultMetadata)
	if !ok {
		now = time.Now()
	}
	return ops.Stored{Data: data, Version: aws.ToString(out.ETag), Age: max(0, now.Sub(aws.ToTime(out.LastModified)))}, nil
}

// Write implements [ops.Store].
func (o *Object) Write(ctx context.Context, data []byte, version string) (string, error) {
	input := &s3.PutObjectInput{
		Bucket: aws.String(o.bucket), Key: aws.String(o.key), Body: bytes.NewReader(data), ContentType: aws.String("application/json"),
	}
	if version == "" {
		input.IfNoneMatch = aws.String("*")
	} else {
		input.IfMatch = aws.String(version)
	}
	out, err := o.client.PutObject(ctx, input)
	var refusal interface {
		error
		ErrorCode() string
	}
	if errors.As(err, &refusal) {
		switch refusal.ErrorCode() {
		case "PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey": // the last, when there is nothing to match.
			return "", fmt.Errorf("writing %s: %w", o, ops.ErrStoreChanged)
		}
	}
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", o, err)
	}
	return aws.ToString(out.ETag), nil
}
