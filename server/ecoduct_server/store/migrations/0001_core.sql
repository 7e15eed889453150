-- Everything the whole path needs, thin. Quantities are integers in the unit that the name ends with.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE animal (
    animal      text PRIMARY KEY,
    species     text,
    -- Protected animals: what the public sees is this much older and this much coarser.
    delay_s     integer NOT NULL DEFAULT 0 CHECK (delay_s >= 0),
    coarsen_m   integer NOT NULL DEFAULT 0 CHECK (coarsen_m >= 0)
);

CREATE TABLE deployment (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device  text NOT NULL,
    animal  text NOT NULL REFERENCES animal,
    during  tstzrange NOT NULL CHECK (NOT isempty(during)),
    -- One device sits on one animal at a time.
    EXCLUDE USING gist (device WITH =, during WITH &&)
);
CREATE INDEX deployment_animal ON deployment (animal);

CREATE TABLE fix (
    device          text NOT NULL,
    fixed_at        timestamptz NOT NULL,
    kind            text NOT NULL,
    lon_e7          integer NOT NULL,
    lat_e7          integer NOT NULL,
    h_acc_mm        integer,
    height_mm       integer,
    speed_mm_s      integer,
    heading_cdeg    integer,
    satellites      smallint,
    hdop_c          integer,
    battery_mv      integer,
    temperature_cc  integer,
    activity        integer,
    mortality       boolean,
    counter         bigint,
    flags           text[] NOT NULL DEFAULT '{}',
    format          text NOT NULL,
    stored_at       timestamptz NOT NULL,
    PRIMARY KEY (device, fixed_at, kind)
);

-- One gateway hearing one fix; also the way from a fix back to its bytes.
CREATE TABLE reception (
    gateway      text NOT NULL,
    epoch        text NOT NULL,
    number       bigint NOT NULL,
    device       text NOT NULL,
    fixed_at     timestamptz NOT NULL,
    kind         text NOT NULL,
    received_at  timestamptz NOT NULL,
    port         text NOT NULL,
    boot         text NOT NULL,
    mono_ns      bigint NOT NULL,
    rssi_dbm     smallint,
    snr_cdb      smallint,
    raw          bytea NOT NULL,
    PRIMARY KEY (gateway, epoch, number)
);
CREATE INDEX reception_fix ON reception (device, fixed_at, kind);

-- A fix that came under a key that was taken by another position.
CREATE TABLE conflict (
    gateway  text NOT NULL,
    epoch    text NOT NULL,
    number   bigint NOT NULL,
    device   text NOT NULL,
    fixed_at timestamptz NOT NULL,
    kind     text NOT NULL,
    lon_e7   integer NOT NULL,
    lat_e7   integer NOT NULL,
    PRIMARY KEY (gateway, epoch, number)
);

CREATE TABLE status (
    gateway         text NOT NULL,
    epoch           text NOT NULL,
    number          bigint NOT NULL,
    device          text NOT NULL,
    said_at         timestamptz NOT NULL,
    battery_mv      integer,
    temperature_cc  integer,
    activity        integer,
    mortality       boolean,
    counter         bigint,
    text            text,
    format          text NOT NULL,
    raw             bytea NOT NULL,
    PRIMARY KEY (gateway, epoch, number)
);

CREATE TABLE gone (
    gateway  text NOT NULL,
    epoch    text NOT NULL,
    number   bigint NOT NULL,
    reason   text NOT NULL,
    PRIMARY KEY (gateway, epoch, number)
);

CREATE TABLE reject (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway      text,
    epoch        text,
    first        bigint,
    last         bigint,
    reason       text NOT NULL,
    detail       text NOT NULL,
    payload      bytea NOT NULL,
    digest       bytea GENERATED ALWAYS AS (sha256(payload)) STORED,
    received_at  timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (gateway, epoch, first, digest)
);

-- What has arrived of each life of each gateway's spool. The receipt is read from `received`.
CREATE TABLE spool_epoch (
    gateway     text NOT NULL,
    epoch       text NOT NULL,
    received    int8multirange NOT NULL,
    messages    bigint NOT NULL,
    duplicates  bigint NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (gateway, epoch)
);

CREATE TABLE gateway_state (
    gateway  text PRIMARY KEY,
    online   boolean NOT NULL,
    said_at  timestamptz NOT NULL,
    state    jsonb NOT NULL
);

CREATE TABLE feature (
    id          text PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('barrier', 'corridor', 'place')),
    name        text NOT NULL,
    properties  jsonb NOT NULL,
    geometry    jsonb NOT NULL,
    west        double precision NOT NULL,
    south       double precision NOT NULL,
    east        double precision NOT NULL,
    north       double precision NOT NULL
);

-- One row: the projection in which steps are straight, and a number that rises with each change.
CREATE TABLE study_area (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    crs      text,
    version  bigint NOT NULL DEFAULT 0
);
INSERT INTO study_area DEFAULT VALUES;

-- Appended by ingest, deleted by the watch: neither waits for the other.
CREATE TABLE due (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deployment  bigint NOT NULL REFERENCES deployment ON DELETE CASCADE,
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL
);

CREATE TABLE finding (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deployment    bigint NOT NULL REFERENCES deployment ON DELETE CASCADE,
    kind          text NOT NULL,
    place         text,
    starts_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    happened_at   timestamptz NOT NULL,
    lon_e7        integer NOT NULL,
    lat_e7        integer NOT NULL,
    facts         jsonb NOT NULL,
    rule          jsonb NOT NULL,
    code_version  text NOT NULL,
    revision      integer NOT NULL DEFAULT 1,
    found_at      timestamptz NOT NULL,
    withdrawn_at  timestamptz
);
CREATE INDEX finding_window ON finding (deployment, kind, starts_at) WHERE withdrawn_at IS NULL;
CREATE INDEX finding_happened ON finding (happened_at, id);

CREATE TABLE alert (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    finding          bigint NOT NULL UNIQUE REFERENCES finding ON DELETE CASCADE,
    severity         text NOT NULL,
    raised_at        timestamptz NOT NULL,
    age_s            double precision NOT NULL,
    late             boolean NOT NULL,
    revision         integer NOT NULL DEFAULT 1,
    acknowledged_by  text,
    acknowledged_at  timestamptz,
    note             text,
    withdrawn_at     timestamptz
);

-- Its numbers are the ids of server-sent events: written under one lock, so that they commit in order.
CREATE TABLE alert_event (
    id      bigint PRIMARY KEY,
    alert   bigint NOT NULL REFERENCES alert ON DELETE CASCADE,
    change  text NOT NULL,
    at      timestamptz NOT NULL
);

-- The cell of about `metres` in which a position lies, as its middle: the same for every fix in it,
-- so that many coarse positions do not average to the true one.
CREATE FUNCTION coarse_lat_e7(lat_e7 integer, metres integer) RETURNS integer
LANGUAGE sql IMMUTABLE RETURN CASE WHEN metres = 0 THEN lat_e7 ELSE
    least(900000000, floor(lat_e7 / (metres * 90.0)) * (metres * 90.0) + metres * 45.0)::integer END;
CREATE FUNCTION coarse_lon_e7(lon_e7 integer, lat_e7 integer, metres integer) RETURNS integer
LANGUAGE sql IMMUTABLE RETURN CASE WHEN metres = 0 THEN lon_e7 ELSE (
    SELECT least(1800000000, floor(lon_e7 / width) * width + width / 2)::integer
    FROM (SELECT metres * 90.0 / greatest(0.01,
        cos(radians(coarse_lat_e7(lat_e7, metres) / 1e7))) AS width) AS cell) END;

DO $$
BEGIN
    IF current_setting('shared_preload_libraries') LIKE '%timescaledb%' THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
        PERFORM create_hypertable('fix', by_range('fixed_at', INTERVAL '30 days'));
    END IF;
END
$$;
