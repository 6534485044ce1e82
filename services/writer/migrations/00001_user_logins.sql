-- +goose Up
CREATE TABLE user_logins (
    user_id          varchar(128),
    device_type      varchar(32),
    masked_ip        varchar(256),
    masked_device_id varchar(256),
    locale           varchar(32),
    app_version      integer,
    create_date      date,
    event_id         uuid NOT NULL,
    CONSTRAINT user_logins_event_id_key UNIQUE (event_id)
);
COMMENT ON COLUMN user_logins.event_id IS
    'UUIDv8 made of the message''s time and id: the same message has the same event_id however often it is delivered';
