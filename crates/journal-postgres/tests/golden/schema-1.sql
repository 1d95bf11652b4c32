-- What version 1 of the schema is, and rows that it holds, as pg_dump wrote them. Never changed: a newer binary must read it.
CREATE SCHEMA waybill;
CREATE TABLE waybill.base_chunks (
    id bytea NOT NULL,
    chunk integer NOT NULL,
    body bytea NOT NULL
);
ALTER TABLE ONLY waybill.base_chunks ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TABLE waybill.base_drafts (
    id bytea NOT NULL,
    log integer NOT NULL,
    touched timestamp with time zone NOT NULL,
    dead boolean DEFAULT false NOT NULL
);
CREATE TABLE waybill.bases (
    log integer NOT NULL,
    seq bigint NOT NULL,
    id bytea NOT NULL,
    epoch bigint NOT NULL,
    frame_hash bytea NOT NULL,
    chunks integer NOT NULL,
    bytes bigint NOT NULL,
    hash bytea NOT NULL
);
CREATE TABLE waybill.frames (
    log integer NOT NULL,
    seq bigint NOT NULL,
    epoch bigint NOT NULL,
    writer bytea NOT NULL,
    hash bytea NOT NULL,
    bytes_total bigint NOT NULL,
    body bytea NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02');
ALTER TABLE ONLY waybill.frames ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TABLE waybill.leases (
    log integer NOT NULL,
    holder text,
    expires timestamp with time zone NOT NULL,
    wish text
);
CREATE TABLE waybill.logs (
    log integer NOT NULL,
    trimmed bigint DEFAULT 0 NOT NULL,
    trimmed_hash bytea DEFAULT '\x'::bytea NOT NULL,
    trimmed_bytes bigint DEFAULT 0 NOT NULL
);
CREATE TABLE waybill.members (
    name text NOT NULL,
    instance bytea NOT NULL,
    address text NOT NULL,
    services text NOT NULL,
    version text NOT NULL,
    events bigint NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE TABLE waybill.meta (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE waybill.subject_keys (
    number bigint NOT NULL,
    secret bytea
);
CREATE TABLE waybill.vault (
    one integer NOT NULL,
    id bytea NOT NULL,
    digest_secret bytea NOT NULL,
    handed_out bigint DEFAULT 0 NOT NULL
);
INSERT INTO waybill.base_chunks VALUES ('\xe86e01c34ce23249b669e45aa87f94a0', 0, '\x626173652034206f6e65');
INSERT INTO waybill.base_chunks VALUES ('\xe86e01c34ce23249b669e45aa87f94a0', 1, '\x6261736520342074776f');
INSERT INTO waybill.base_chunks VALUES ('\x76aa9100694d8e044ecf643f26f2bf44', 0, '\x626173652038206f6e65');
INSERT INTO waybill.base_chunks VALUES ('\x76aa9100694d8e044ecf643f26f2bf44', 1, '\x6261736520382074776f');
INSERT INTO waybill.bases VALUES (4, 5, '\xe86e01c34ce23249b669e45aa87f94a0', 1, '\x37b0623e7589fdca254c48c70ec30f6e', 2, 20, '\x15d8b34b2acf80f6b121e3c7468ffac7');
INSERT INTO waybill.bases VALUES (4, 9, '\x76aa9100694d8e044ecf643f26f2bf44', 1, '\x5b8f2e454a6783d5e0ff64e87f839a1d', 2, 20, '\x86d98483f9b4c2e2d5ee5fb7ba310e32');
INSERT INTO waybill.frames VALUES (3, 1, 1, '\xb82ce6f819a212977a2e0deebd93e69c', '\x96b61201df3512e4c63fda67a689f0d6', 0, '\x');
INSERT INTO waybill.frames VALUES (3, 2, 1, '\xb82ce6f819a212977a2e0deebd93e69c', '\x9fa7fffab88d0faba7f91c694113b069', 6, '\x626f64792032');
INSERT INTO waybill.frames VALUES (3, 3, 1, '\xb82ce6f819a212977a2e0deebd93e69c', '\xa45b1ba15133427d1c59cd30ccd3d517', 12, '\x626f64792033');
INSERT INTO waybill.frames VALUES (3, 4, 1, '\xb82ce6f819a212977a2e0deebd93e69c', '\xe232128a5668bd0c898de4ef49cc433d', 18, '\x626f64792034');
INSERT INTO waybill.frames VALUES (3, 5, 1, '\xb82ce6f819a212977a2e0deebd93e69c', '\x37b0623e7589fdca254c48c70ec30f6e', 24, '\x626f64792035');
INSERT INTO waybill.frames VALUES (3, 6, 1, '\xb82ce6f819a212977a2e0deebd93e69c', '\x81417309e10d59890eddff8643eb0b9d', 30, '\x626f64792036');
INSERT INTO waybill.frames VALUES (3, 7, 1, '\xb82ce6f819a212977a2e0deebd93e69c', '\x55179ed7a63069fdba17af4157c8cb90', 36, '\x626f64792037');
INSERT INTO waybill.frames VALUES (3, 8, 1, '\xb82ce6f819a212977a2e0deebd93e69c', '\xa32093484dadd5c94a9441753c405ed0', 42, '\x626f64792038');
INSERT INTO waybill.frames VALUES (3, 9, 1, '\xb82ce6f819a212977a2e0deebd93e69c', '\x5b8f2e454a6783d5e0ff64e87f839a1d', 48, '\x626f64792039');
INSERT INTO waybill.frames VALUES (3, 10, 1, '\xb82ce6f819a212977a2e0deebd93e69c', '\x9fe3550dbe790d5b084e636917c35143', 55, '\x626f6479203130');
INSERT INTO waybill.frames VALUES (3, 11, 1, '\xb82ce6f819a212977a2e0deebd93e69c', '\x58c88f22b252d76d50ee3d80b892b09c', 62, '\x626f6479203131');
INSERT INTO waybill.frames VALUES (3, 12, 1, '\xb82ce6f819a212977a2e0deebd93e69c', '\x21fffde439e45ba1396cf677d8690762', 69, '\x626f6479203132');
INSERT INTO waybill.frames VALUES (3, 13, 2, '\xa382e6bda871d5c86ef52c1e39ddfc58', '\x043e7808699a3fced543ab7baad80d61', 69, '\x');
INSERT INTO waybill.frames VALUES (3, 14, 2, '\xa382e6bda871d5c86ef52c1e39ddfc58', '\x9eca9a0c35a422b93c4ce490a259970b', 76, '\x626f6479203134');
INSERT INTO waybill.frames VALUES (4, 6, 1, '\xa03c87fdc2ebe4eb2ad5ad356fd9c1d7', '\x81417309e10d59890eddff8643eb0b9d', 30, '\x626f64792036');
INSERT INTO waybill.frames VALUES (4, 7, 1, '\xa03c87fdc2ebe4eb2ad5ad356fd9c1d7', '\x55179ed7a63069fdba17af4157c8cb90', 36, '\x626f64792037');
INSERT INTO waybill.frames VALUES (4, 8, 1, '\xa03c87fdc2ebe4eb2ad5ad356fd9c1d7', '\xa32093484dadd5c94a9441753c405ed0', 42, '\x626f64792038');
INSERT INTO waybill.frames VALUES (4, 9, 1, '\xa03c87fdc2ebe4eb2ad5ad356fd9c1d7', '\x5b8f2e454a6783d5e0ff64e87f839a1d', 48, '\x626f64792039');
INSERT INTO waybill.frames VALUES (4, 10, 1, '\xa03c87fdc2ebe4eb2ad5ad356fd9c1d7', '\x9fe3550dbe790d5b084e636917c35143', 55, '\x626f6479203130');
INSERT INTO waybill.frames VALUES (4, 11, 1, '\xa03c87fdc2ebe4eb2ad5ad356fd9c1d7', '\x58c88f22b252d76d50ee3d80b892b09c', 62, '\x626f6479203131');
INSERT INTO waybill.frames VALUES (4, 12, 1, '\xa03c87fdc2ebe4eb2ad5ad356fd9c1d7', '\x21fffde439e45ba1396cf677d8690762', 69, '\x626f6479203132');
INSERT INTO waybill.frames VALUES (4, 13, 2, '\x6c3d02043ef1bc143ad2c09acb5459ed', '\x043e7808699a3fced543ab7baad80d61', 69, '\x');
INSERT INTO waybill.frames VALUES (4, 14, 2, '\x6c3d02043ef1bc143ad2c09acb5459ed', '\x9eca9a0c35a422b93c4ce490a259970b', 76, '\x626f6479203134');
INSERT INTO waybill.leases VALUES (3, 'one', '2026-11-22 13:10:23.528196+00', NULL);
INSERT INTO waybill.leases VALUES (4, NULL, '2026-11-22 13:10:18.532703+00', 'two');
INSERT INTO waybill.logs VALUES (3, 0, '\x', 0);
INSERT INTO waybill.logs VALUES (4, 5, '\x37b0623e7589fdca254c48c70ec30f6e', 24);
INSERT INTO waybill.members VALUES ('one', '\x09090909090909090909090909090909', 'http://one:7001', 'orders,inventory', '0.1.0', 3, '2026-11-22 14:10:18.588555+00');
INSERT INTO waybill.meta VALUES ('version', '1');
INSERT INTO waybill.meta VALUES ('cluster', 'c2555eeb4503e95bece005f209c2a010');
INSERT INTO waybill.subject_keys VALUES (1, '\x0202020202020202020202020202020202020202020202020202020202020202');
INSERT INTO waybill.subject_keys VALUES (0, NULL);
INSERT INTO waybill.vault VALUES (1, '\x07070707070707070707070707070707', '\x0808080808080808080808080808080808080808080808080808080808080808', 2);
ALTER TABLE ONLY waybill.base_chunks
    ADD CONSTRAINT base_chunks_pkey PRIMARY KEY (id, chunk);
ALTER TABLE ONLY waybill.base_drafts
    ADD CONSTRAINT base_drafts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY waybill.bases
    ADD CONSTRAINT bases_pkey PRIMARY KEY (log, seq);
ALTER TABLE ONLY waybill.frames
    ADD CONSTRAINT frames_pkey PRIMARY KEY (log, seq);
ALTER TABLE ONLY waybill.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (log);
ALTER TABLE ONLY waybill.logs
    ADD CONSTRAINT logs_pkey PRIMARY KEY (log);
ALTER TABLE ONLY waybill.members
    ADD CONSTRAINT members_pkey PRIMARY KEY (name);
ALTER TABLE ONLY waybill.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (name);
ALTER TABLE ONLY waybill.subject_keys
    ADD CONSTRAINT subject_keys_pkey PRIMARY KEY (number);
ALTER TABLE ONLY waybill.vault
    ADD CONSTRAINT vault_pkey PRIMARY KEY (one);
