-- A study: one SQLite file with a write-ahead log. Many people write to it while others read.
-- A change of this file is a new SCHEMA (file_access.py); files of all earlier ones are read and written for ever: people's
-- answers can't be made again. Without its lines `since 2` this is schema 1. Times are seconds since 1970, by the server's clock.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL             -- JSON: name, kind (study, imported), made, settings, facts; secret (signs the links of
                                    -- invitations); plan (digest of units, trials and tasks), digest (of the other rows here)
);

-- What people are shown, byte by byte.
CREATE TABLE pictures (
    picture_id INTEGER PRIMARY KEY,
    source     TEXT NOT NULL,       -- natural, synthetic
    key        TEXT NOT NULL,       -- of the probing set's image; a name of a synthetic one
    type       TEXT,                -- image/jpeg, image/png; NULL, like the next three, where only the name is known
    width      INTEGER,
    height     INTEGER,
    digest     BLOB NOT NULL,       -- since 2: SHA-256 of this row (file_seals.py)
    data       BLOB
);

CREATE TABLE units (
    unit_id     INTEGER PRIMARY KEY,
    model       TEXT NOT NULL,
    layer       TEXT NOT NULL,
    unit        INTEGER NOT NULL,
    name        TEXT,               -- of a computed unit
    use         TEXT NOT NULL,      -- real, catch, practice
    depth       REAL,               -- 0 the first layer … 1 the last; NULL where unknown
    explanation TEXT,               -- a line, by `method`
    method      TEXT,               -- whose words and scores these are
    correlation REAL,               -- test correlation
    ablation    REAL,               -- ablation score, norm
    observer    REAL                -- the machine observer's score
);

CREATE TABLE trials (
    trial_id   INTEGER PRIMARY KEY,
    unit_id    INTEGER NOT NULL REFERENCES units,
    kind       TEXT NOT NULL,       -- real, catch, practice
    obvious    INTEGER NOT NULL,    -- 1: the queries are among the most extreme images, too
    mode       TEXT NOT NULL,       -- of the references: natural, synthetic
    difficulty TEXT,                -- easy, medium, hard, very hard; NULL where obvious
    batch      INTEGER NOT NULL
);

CREATE TABLE trial_images (
    trial_id   INTEGER NOT NULL REFERENCES trials,
    pole       TEXT NOT NULL,       -- min, max
    place      INTEGER NOT NULL,    -- 0 to 8: references, 8 the most extreme; 9: the query
    picture_id INTEGER NOT NULL REFERENCES pictures,
    rank       INTEGER,             -- among the probing set's images, 0 the smallest activation; NULL of synthetic ones
    activation REAL,
    PRIMARY KEY (trial_id, pole, place)
) WITHOUT ROWID;

CREATE TABLE tasks (
    task_id    INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    model      TEXT NOT NULL,
    mode       TEXT NOT NULL,
    difficulty TEXT                 -- NULL where its trials differ in it
);

-- The course of a task, with the place of every image.
CREATE TABLE task_trials (
    task_id     INTEGER NOT NULL REFERENCES tasks,
    phase       TEXT NOT NULL,      -- practice, main
    round       INTEGER NOT NULL,   -- of the practice, from 1; 1 for main
    position    INTEGER NOT NULL,   -- from 0
    trial_id    INTEGER NOT NULL REFERENCES trials,
    upper       TEXT,               -- the pole of the upper query: min, max; NULL, like the next two, where unknown
    left_cells  TEXT,               -- JSON: the place of the min reference in each of the 9 cells, row by row
    right_cells TEXT,               -- JSON: likewise of the max references
    PRIMARY KEY (task_id, phase, round, position)
) WITHOUT ROWID;

CREATE TABLE sessions (
    session_id     INTEGER PRIMARY KEY,
    token          TEXT UNIQUE,     -- 'sha256:' and the hash of what the participant's address carries, which is random; of
                                    -- sessions that earlier versions began, the very text
    pid            TEXT,            -- whom the researcher invited
    task_id        INTEGER NOT NULL REFERENCES tasks,
    step           TEXT NOT NULL,   -- instructions, practice, again, begin, main, comment, thanks, failed
    round          INTEGER NOT NULL DEFAULT 1,  -- of the practice
    started_at     REAL,            -- consent
    seen_at        REAL,            -- the last sign of life
    instructions_s REAL,            -- reading time
    finished_at    REAL,            -- thanks or failed
    comment        TEXT,
    code           TEXT UNIQUE,     -- the completion code
    seal           BLOB,            -- since 2: SHA-256 of this row and what else is kept of the session (file_seals.py)
    passed         INTEGER          -- all checks, at the study's own thresholds; NULL while it runs
);
CREATE UNIQUE INDEX one_session_a_person ON sessions (pid) WHERE pid IS NOT NULL AND token IS NOT NULL;

-- Whom the researcher has invited; only they are let in where the setting course.pid is 'invited'.
CREATE TABLE invited (
    pid TEXT PRIMARY KEY,
    digest BLOB NOT NULL,           -- since 2: SHA-256 of this row
    at  REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE shown (
    session_id INTEGER NOT NULL REFERENCES sessions,
    phase      TEXT NOT NULL,
    round      INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    first_at   REAL NOT NULL,       -- sent to the browser
    times      INTEGER NOT NULL,    -- more than 1: the page was loaded again
    PRIMARY KEY (session_id, phase, round, position)
) WITHOUT ROWID;

CREATE TABLE responses (
    session_id  INTEGER NOT NULL REFERENCES sessions,
    phase       TEXT NOT NULL,
    round       INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    trial_id    INTEGER NOT NULL REFERENCES trials,
    upper       TEXT NOT NULL,      -- the pole of the upper query
    button      INTEGER NOT NULL,   -- 0 to 2: upper, confidence 1 to 3; 3 to 5: lower, confidence 1 to 3
    choice      TEXT NOT NULL,      -- the pole of the chosen query
    confidence  INTEGER NOT NULL,
    correct     INTEGER NOT NULL,   -- choice = max
    rt_ms       REAL,               -- browser: from the moment the images were shown to the answer; holds the lock
    lock_ms     REAL,               -- how long answers were locked
    load_ms     REAL,               -- browser: from the message to the moment the images were shown
    hidden      INTEGER,            -- browser: whether the page was out of sight meanwhile
    shown_at    REAL,               -- server: when it was sent for the first time
    answered_at REAL,               -- server: when the answer came
    shown_times INTEGER,            -- server: how often it was sent before the answer; after a reload rt_ms starts again
    PRIMARY KEY (session_id, phase, round, position)
) WITHOUT ROWID;

-- One row a finished session and check (checks.py); passed is by the study's own thresholds.
CREATE TABLE checks (
    session_id INTEGER NOT NULL REFERENCES sessions,
    name       TEXT NOT NULL,       -- practice_rounds, catch_right, total_seconds, instructions_seconds, row_share, first_time
    value      REAL,                -- NULL where unknown
    passed     INTEGER NOT NULL,
    details    TEXT NOT NULL,       -- JSON
    PRIMARY KEY (session_id, name)
) WITHOUT ROWID;
