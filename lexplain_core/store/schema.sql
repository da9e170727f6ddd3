-- The store: one DuckDB file. Ids of images, classes and concepts are positions from 0.
-- A change of this file is a new SCHEMA_VERSION (store/version.py).

CREATE TABLE meta (
    key   VARCHAR PRIMARY KEY,
    value VARCHAR NOT NULL          -- JSON
);

CREATE TABLE classes (
    class_id  INTEGER PRIMARY KEY,
    key       VARCHAR NOT NULL,     -- folder name, WordNet id
    name      VARCHAR NOT NULL,
    output_id INTEGER               -- the model's output for this class, NULL where there is none
);

CREATE TABLE superclasses (
    superclass_id INTEGER PRIMARY KEY,
    key           VARCHAR NOT NULL,
    name          VARCHAR NOT NULL
);

CREATE TABLE superclass_members (
    superclass_id INTEGER NOT NULL,
    class_id      INTEGER NOT NULL
);

CREATE TABLE images (
    image_id  INTEGER PRIMARY KEY,
    key       VARCHAR NOT NULL,     -- path below the set's root
    class_id  INTEGER NOT NULL,
    split     VARCHAR NOT NULL,     -- train, val, test
    width     INTEGER NOT NULL,     -- of the image as it came
    height    INTEGER NOT NULL,
    caption   VARCHAR,
    predicted INTEGER,              -- the model's largest output
    thumbnail BLOB NOT NULL,        -- JPEG, the longest side meta.thumbnail pixels at most
    descriptor BLOB NOT NULL,       -- 8 x 8 RGB bytes, the image's colours in place: nearest images without a network
    crop      BLOB,                 -- JPEG of what the network saw, for images that examples use
    digest    BLOB                  -- SHA-256 of its file, or of its pixels where it has none (probe/digest.py);
                                    -- NULL where unknown
);

CREATE TABLE skipped_images (
    key    VARCHAR NOT NULL,
    reason VARCHAR NOT NULL
);

CREATE TABLE layers (
    layer_id INTEGER PRIMARY KEY,
    name     VARCHAR NOT NULL UNIQUE,
    source   VARCHAR NOT NULL,      -- network, computed
    kind     VARCHAR NOT NULL,      -- of its units: map, map-last, tokens, features, computed, or a plugin's
    pooling  VARCHAR NOT NULL,
    shape    INTEGER[] NOT NULL,    -- of the module's output, without the batch
    units    INTEGER NOT NULL,
    note     VARCHAR,               -- why interventions don't apply, where they don't
    intervention VARCHAR,            -- how units are replaced: closed (matrix products), prefix (the rest of the
                                    -- network is run again), whole (all of it); NULL where they are not
    effect_reason VARCHAR,          -- why there are no impacts and ablation scores, in a sentence
    output_effects_reason VARCHAR,            -- why there are no output effects (output_effects), in a sentence
    map_reason VARCHAR              -- why its units have no activation maps, in a sentence; NULL where they have
);

CREATE TABLE units (
    layer_id INTEGER NOT NULL,
    unit     INTEGER NOT NULL,
    minimum  FLOAT NOT NULL,
    maximum  FLOAT NOT NULL,
    mean     FLOAT NOT NULL,
    std      FLOAT NOT NULL,
    status   VARCHAR NOT NULL,      -- alive, dead, constant, negative (no positive range)
    reason   VARCHAR,               -- why the unit is not alive, in words
    name     VARCHAR,               -- of a computed unit
    truth    VARCHAR,               -- JSON {terms: [[weight, concept]], bias, noise} of a computed unit
    PRIMARY KEY (layer_id, unit)
);

-- Sorted by layer, unit, image; one row per activation.
CREATE TABLE activations (
    layer_id INTEGER NOT NULL,
    unit     INTEGER NOT NULL,
    image_id INTEGER NOT NULL,
    value    FLOAT NOT NULL
);

CREATE TABLE concepts (
    concept_id INTEGER PRIMARY KEY,
    key        VARCHAR NOT NULL UNIQUE,
    name       VARCHAR NOT NULL,    -- not unique: two concepts may share a name
    origin     VARCHAR NOT NULL     -- class, superclass, the kind of the attribute, noun, a file; all, joined by ', '
);

CREATE TABLE concept_matrices (
    matrix  VARCHAR PRIMARY KEY,    -- label, or the encoder's name
    kind    VARCHAR NOT NULL,       -- label, encoder
    roles   VARCHAR[] NOT NULL,     -- explainer (explanations are found on it), simulator (scored with it)
    a       DOUBLE,                 -- P = sigmoid(a·(cos + b)) of an encoder
    b       DOUBLE,
    loss    DOUBLE,                 -- binary cross-entropy of a and b against labels on the train split
    kept    INTEGER,                -- concepts that passed the concept filter; NULL where no method filtered
    dropped INTEGER,
    filter  VARCHAR,                -- JSON {origin: [kept, dropped]}
    config  VARCHAR NOT NULL        -- JSON
);

-- Concepts that a matrix can't tell apart (P is the same on all images) stand under the name of the first of them.
CREATE TABLE same_concepts (
    matrix     VARCHAR NOT NULL,
    concept_id INTEGER NOT NULL,
    same_as    INTEGER NOT NULL,    -- the concept under whose name it stands
    PRIMARY KEY (matrix, concept_id)
);

-- P[concept, image] of each matrix, sorted by matrix, concept, image. Zeros are left out, but a concept
-- without any other value keeps one: a matrix knows the concepts that it has rows of.
-- The label matrix has all labels, an encoder's the concepts that explanations use.
CREATE TABLE concept_values (
    matrix     VARCHAR NOT NULL,
    concept_id INTEGER NOT NULL,
    image_id   INTEGER NOT NULL,
    value      FLOAT NOT NULL
);

CREATE TABLE explanations (
    explanation_id INTEGER PRIMARY KEY,
    layer_id       INTEGER NOT NULL,
    unit           INTEGER NOT NULL,
    method         VARCHAR NOT NULL,
    config_hash    VARCHAR NOT NULL,
    matrix         VARCHAR NOT NULL, -- the concept matrix that it was found on
    bias           DOUBLE,           -- NULL where there is no explanation
    length         INTEGER NOT NULL,
    val_correlation DOUBLE,
    kkt_violation      DOUBLE,           -- largest violation of the optimality conditions of its sparse fit
    reason         VARCHAR,          -- why there is no explanation
    UNIQUE (layer_id, unit, method, config_hash)
);

CREATE TABLE terms (
    explanation_id INTEGER NOT NULL,
    rank           INTEGER NOT NULL, -- order of selection, from 0
    concept_id     INTEGER NOT NULL,
    weight         DOUBLE NOT NULL
);

CREATE TABLE method_configs (
    config_hash VARCHAR PRIMARY KEY,
    method      VARCHAR NOT NULL,
    config      VARCHAR NOT NULL,    -- JSON
    simulator   VARCHAR NOT NULL,    -- whose score is the headline; the name of a concept matrix
    source      VARCHAR              -- file and digest of imported explanations
);

-- What the scores are called and how they are read.
CREATE TABLE measures (
    measure VARCHAR PRIMARY KEY,
    place   INTEGER NOT NULL,        -- in tables and headlines, from 0
    title   VARCHAR NOT NULL,        -- inside a sentence
    short   VARCHAR NOT NULL,        -- the head of a column
    help    VARCHAR NOT NULL,
    "of"    VARCHAR NOT NULL,        -- unit, explanation
    low     DOUBLE,                  -- the smallest possible value; NULL for open
    high    DOUBLE,
    best    VARCHAR NOT NULL,        -- high, low, or '' where neither end is the good one
    chance  DOUBLE,                  -- what no information gives, where that is the same for all
    judge   BOOLEAN NOT NULL,        -- stands at the head of a unit's page
    listed  BOOLEAN NOT NULL         -- tables have a column of it
);

CREATE TABLE scores (
    measure        VARCHAR NOT NULL,
    layer_id       INTEGER NOT NULL,
    unit           INTEGER NOT NULL,
    explanation_id INTEGER,          -- NULL where the measure is of the unit
    "by"           VARCHAR NOT NULL, -- who scored: a simulator (concept matrix), an embedding, what a unit is set to;
                                     -- '' where there is but one way
    place          INTEGER NOT NULL, -- 0: the headline; the others come after it
    split          VARCHAR NOT NULL, -- train, val, test, all
    n              INTEGER NOT NULL, -- images or trials
    value          DOUBLE,           -- NULL where undefined
    low            DOUBLE,           -- 95 % interval
    high           DOUBLE,
    chance         DOUBLE,           -- what chance gives for this one: 95 % of what is meaningless scores less
    sampled        BOOLEAN NOT NULL, -- whether the n images are a random sample of the split
    reason         VARCHAR,          -- why there is no value
    details        VARCHAR           -- JSON: what else the measure says of this score
);

-- What the network loses without a unit: it is set to to_value on every image of the probing set.
CREATE TABLE impacts (
    layer_id    INTEGER NOT NULL,
    unit        INTEGER NOT NULL,
    to_value    VARCHAR NOT NULL,    -- zero, mean (the unit's, over the probing set)
    total       DOUBLE,              -- sum of |impact| over images; 0, with a reason, of a unit without effect;
                                     -- NULL, with a reason, where undefined
    total_error DOUBLE,              -- standard error; 0 where exact
    accuracy    DOUBLE,              -- share of the right answers that is lost
    accuracy_error DOUBLE,           -- standard error; 0 where exact
    loss        DOUBLE,              -- relative rise of the loss
    loss_error  DOUBLE,              -- standard error; 0 where exact
    half        INTEGER,             -- so many images hold half of the total; NULL without an effect
    images      INTEGER NOT NULL,    -- measured
    sampled     BOOLEAN NOT NULL,    -- whether they are a sample, and so the numbers estimates
    reason      VARCHAR,             -- why Top Impacts and shares are undefined
    PRIMARY KEY (layer_id, unit, to_value)
);

-- Share of the total that lies in the beta·N images with the highest activation.
CREATE TABLE top_impacts (
    layer_id INTEGER NOT NULL,
    unit     INTEGER NOT NULL,
    to_value VARCHAR NOT NULL,
    beta     DOUBLE NOT NULL,
    value    DOUBLE,                 -- NULL where the unit has no effect
    error    DOUBLE                  -- standard error; 0 where exact
);

CREATE TABLE bucket_impacts (
    layer_id INTEGER NOT NULL,
    unit     INTEGER NOT NULL,
    to_value VARCHAR NOT NULL,
    bucket   INTEGER NOT NULL,       -- 0 to 7, -1 below 0
    images   INTEGER NOT NULL,       -- of the probing set in this bucket
    impact   DOUBLE,                 -- sum of |impact| over them
    share    DOUBLE,                 -- of the total; NULL where the unit has no effect
    error    DOUBLE                  -- standard error of the share; 0 where exact
);

-- The outputs that a unit pushes hardest, as against its mean, on the images of a bucket.
CREATE TABLE output_effects (
    layer_id  INTEGER NOT NULL,
    unit      INTEGER NOT NULL,
    bucket    INTEGER NOT NULL,
    output_id INTEGER NOT NULL,
    change    FLOAT NOT NULL,        -- mean of output(as it is) - output(unit at its mean), less that of all outputs
    error     FLOAT,                 -- standard error; 0 where exact, NULL where the images are too few to tell
    rank      INTEGER NOT NULL,      -- 1 to 5 up, -1 to -5 down
    images    INTEGER NOT NULL       -- measured
);

-- Sorted by layer, unit, image: where in an image a unit fires.
CREATE TABLE maps (
    layer_id INTEGER NOT NULL,
    unit     INTEGER NOT NULL,
    image_id INTEGER NOT NULL,
    kind     VARCHAR NOT NULL,       -- activation, occlusion, saliency, gradcam
    height   INTEGER NOT NULL,
    width    INTEGER NOT NULL,
    low      FLOAT NOT NULL,
    high     FLOAT NOT NULL,
    data     BLOB NOT NULL           -- uint8, row by row; value = low + (high - low)·byte/255
);

-- The units of the layer that are most alike, by correlation of their activations over the probing set.
CREATE TABLE similar_units (
    layer_id    INTEGER NOT NULL,
    unit        INTEGER NOT NULL,
    other       INTEGER NOT NULL,
    rank        INTEGER NOT NULL,    -- 1 is the most alike; -1 the most opposed, where that is below 0
    correlation FLOAT NOT NULL,
    PRIMARY KEY (layer_id, unit, other)
);

-- What encoders saw, so that P of any concept can be computed later: unit vectors, in pieces, ascending by id.
CREATE TABLE embeddings (
    matrix VARCHAR NOT NULL,         -- a concept matrix of the kind encoder
    kind   VARCHAR NOT NULL,         -- image, concept
    ids    INTEGER[] NOT NULL,       -- image or concept ids of the rows
    width  INTEGER NOT NULL,
    data   BLOB USING COMPRESSION uncompressed NOT NULL  -- float16, row by row
);
