-- +goose Up
CREATE TABLE usage_events (
    batch_id   uuid        NOT NULL,
    n          integer     NOT NULL, -- place in the batch, from 1
    at         timestamptz NOT NULL,
    kind       text        NOT NULL,
    name       text        NOT NULL,
    client     text        NOT NULL,
    latency_us bigint      NOT NULL,
    PRIMARY KEY (batch_id, n)
);
-- With the included columns the most used names are counted from the index alone.
CREATE INDEX usage_events_kind_at ON usage_events (kind, at) INCLUDE (name, latency_us);

-- +goose Down
DROP TABLE usage_events;
