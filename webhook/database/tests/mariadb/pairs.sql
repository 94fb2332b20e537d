-- Pairs of schemas; `pairs.rs` says how this is read.

-- == a first table
-- to
CREATE TABLE users (id bigint unsigned NOT NULL AUTO_INCREMENT, name varchar(255) NOT NULL, PRIMARY KEY (id));
-- == a dropped table
-- loses
CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE b (id int PRIMARY KEY);
-- to
CREATE TABLE a (id int PRIMARY KEY);
-- == every type
-- mariadb uuid and inet are its types
-- to
CREATE TABLE t (a tinyint, b smallint unsigned, c mediumint, d int zerofill, e bigint unsigned, f decimal(10,2), g decimal, h float, i double, j bit(4),
  k char(3), l varchar(20), m binary(4), n varbinary(8), o tinytext, p text, q mediumtext, r longtext, s tinyblob, t blob, u mediumblob, v longblob,
  w date, x time(3), y datetime(6), z timestamp NULL, aa year, ab enum('a','b''c'), ac set('x','y'), ad json, ae uuid, af inet6, ag point, ah geometry,
  ai boolean, aj float(7,3), ak double(8,2), al numeric(5), am integer(3), an varchar(10) CHARACTER SET latin1, ao inet4);
-- == every default
-- mariadb uuid is its type, and it takes a default without parentheses for text and json
-- to
CREATE TABLE t (a int DEFAULT 0, b int DEFAULT -5, c varchar(20) DEFAULT '', d varchar(20) DEFAULT 'it''s \\ "x"', e decimal(10,2) DEFAULT 1.50,
  f datetime DEFAULT CURRENT_TIMESTAMP, g datetime(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), h timestamp DEFAULT CURRENT_TIMESTAMP,
  i bit(3) DEFAULT b'101', j text DEFAULT (concat('a','b')), k int DEFAULT (1+2), l uuid DEFAULT uuid(), m enum('a','b') DEFAULT 'a', n blob DEFAULT 'x',
  o double DEFAULT 1e10, p boolean DEFAULT true, q date DEFAULT '2020-01-01', r json DEFAULT '{}', s varchar(10) DEFAULT NULL, t int NOT NULL DEFAULT 7,
  u varchar(10) DEFAULT 'NULL', v date DEFAULT (curdate() + interval 1 day));
-- == a column added at the end
CREATE TABLE t (id int);
-- rows
INSERT INTO t VALUES (1), (2);
-- keeps SELECT id FROM t
-- to
CREATE TABLE t (id int, b varchar(20) NOT NULL DEFAULT 'x');
-- == columns added first and in the middle
CREATE TABLE t (a int, b int);
-- rows
INSERT INTO t VALUES (1, 2);
-- keeps SELECT a, b FROM t
-- to
CREATE TABLE t (x int, y int, a int, z int, b int, w int);
-- == a column dropped
-- loses
CREATE TABLE t (a int, b int);
-- rows
INSERT INTO t VALUES (1, 2);
-- keeps SELECT a FROM t
-- to
CREATE TABLE t (a int);
-- == one dropped and one added in one statement
-- loses
CREATE TABLE t (a int, b int, c int);
-- rows
INSERT INTO t VALUES (1, 2, 3);
-- keeps SELECT a, c FROM t
-- to
CREATE TABLE t (a int, x varchar(3), c int);
-- == a wider number
CREATE TABLE t (a int, b smallint unsigned);
-- rows
INSERT INTO t VALUES (1, 2);
-- keeps SELECT a, b FROM t
-- to
CREATE TABLE t (a bigint, b int unsigned);
-- == a narrower text
-- loses
CREATE TABLE t (a varchar(100));
-- rows
INSERT INTO t VALUES ('short');
-- keeps SELECT a FROM t
-- to
CREATE TABLE t (a varchar(10));
-- == text becomes a number
-- loses
CREATE TABLE t (a varchar(10));
-- rows
INSERT INTO t VALUES ('17');
-- to
CREATE TABLE t (a int);
-- == NULL to NOT NULL
CREATE TABLE t (a int, b int);
-- rows
INSERT INTO t VALUES (1, 2);
-- keeps SELECT a, b FROM t
-- to
CREATE TABLE t (a int NOT NULL, b int NOT NULL DEFAULT 5);
-- == defaults that change, come and go
CREATE TABLE t (a int DEFAULT 1, b int, c varchar(5) DEFAULT 'x', d datetime, e int NOT NULL DEFAULT 3);
-- rows
INSERT INTO t (b) VALUES (2);
-- keeps SELECT a, b, c, d, e FROM t
-- to
CREATE TABLE t (a int DEFAULT 2, b int DEFAULT 0, c varchar(5), d datetime DEFAULT CURRENT_TIMESTAMP, e int NOT NULL);
-- == an expression as a default
CREATE TABLE t (a int DEFAULT 3, b varchar(40));
-- to
CREATE TABLE t (a int DEFAULT (1 + 2), b varchar(40) DEFAULT (uuid()));
-- == on update comes and goes
CREATE TABLE t (a datetime DEFAULT CURRENT_TIMESTAMP, b timestamp NULL ON UPDATE CURRENT_TIMESTAMP);
-- to
CREATE TABLE t (a datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, b timestamp NULL);
-- == timestamps with and without fractions
CREATE TABLE t (a timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, b datetime);
-- to
CREATE TABLE t (a timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), b datetime(3));
-- == comments of columns and tables
CREATE TABLE t (a int COMMENT 'old', b int, c int COMMENT 'goes') COMMENT 'old';
-- rows
INSERT INTO t VALUES (1, 2, 3);
-- keeps SELECT a, b, c FROM t
-- to
CREATE TABLE t (a int COMMENT 'it''s "new" \\ here', b int COMMENT 'comes', c int) COMMENT 'new `one`';
-- == a table's comment goes
CREATE TABLE t (a int) COMMENT 'x';
-- to
CREATE TABLE t (a int);
-- == auto increment comes
CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int);
-- rows
INSERT INTO t VALUES (7, 1), (0, 2);
-- keeps SELECT id, a FROM t
-- to
CREATE TABLE t (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, a int);
-- == auto increment begins at
CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY);
-- to
CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 1000;
-- == a counter is never moved back
CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, a int) AUTO_INCREMENT = 10;
-- rows
INSERT INTO t VALUES (500, 1);
-- keeps SELECT id FROM t
-- to
CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, a int, b int) AUTO_INCREMENT = 100;
-- == a wider counter
CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY);
-- rows
INSERT INTO t VALUES (1);
-- keeps SELECT id FROM t
-- to
CREATE TABLE t (id bigint unsigned AUTO_INCREMENT PRIMARY KEY);
-- == an invisible column
CREATE TABLE t (a int, b int DEFAULT 1);
-- to
CREATE TABLE t (a int, b int INVISIBLE DEFAULT 1);
-- == enum values at the end, and a set's
CREATE TABLE t (a enum('x','y') NOT NULL DEFAULT 'x', b set('p','q'));
-- rows
INSERT INTO t VALUES ('y', 'p,q');
-- keeps SELECT a, b FROM t
-- to
CREATE TABLE t (a enum('x','y','z') NOT NULL DEFAULT 'x', b set('p','q','r'));
-- == enum values in another order
CREATE TABLE t (a enum('x','y'));
-- rows
INSERT INTO t VALUES ('y'), ('x');
-- keeps SELECT a FROM t
-- to
CREATE TABLE t (a enum('z','y','x'));
-- == an enum value removed
-- loses
CREATE TABLE t (a enum('x','y'));
-- rows
INSERT INTO t VALUES ('x');
-- keeps SELECT a FROM t
-- to
CREATE TABLE t (a enum('x'));
-- == json comes and goes
CREATE TABLE t (a json, b longtext, c int);
-- rows
INSERT INTO t VALUES ('{"a":1}', '[]', 1);
-- keeps SELECT a, c FROM t
-- loses
-- to
CREATE TABLE t (a longtext, b json, c int);
-- == json with a check of one's own
CREATE TABLE t (a json CHECK (json_length(a) > 0));
-- to
CREATE TABLE t (a json CHECK (json_length(a) > 1), b json NOT NULL);
-- == a text checked as json by hand
CREATE TABLE t (a longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci CHECK (json_valid(a)));
-- to
CREATE TABLE t (a longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci);
-- == json in a binary table
CREATE TABLE t (a json, b longtext) COLLATE utf8mb4_bin;
-- to
CREATE TABLE t (a json, b longtext, c json) COLLATE utf8mb4_bin;
-- == a primary key comes
CREATE TABLE t (a int NOT NULL, b int);
-- rows
INSERT INTO t VALUES (1, 2);
-- keeps SELECT a, b FROM t
-- to
CREATE TABLE t (a int NOT NULL, b int, PRIMARY KEY (a));
-- == a primary key of other columns
CREATE TABLE t (a int NOT NULL, b int NOT NULL, PRIMARY KEY (a));
-- rows
INSERT INTO t VALUES (1, 2);
-- keeps SELECT a, b FROM t
-- to
CREATE TABLE t (a int NOT NULL, b int NOT NULL, PRIMARY KEY (b, a));
-- == a primary key that counts is given to another column
-- loses
CREATE TABLE t (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, b int NOT NULL);
-- rows
INSERT INTO t VALUES (1, 2);
-- keeps SELECT b FROM t
-- to
CREATE TABLE t (n bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, b int NOT NULL);
-- == a counter loses its key to a wider one
CREATE TABLE t (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, b int NOT NULL);
-- to
CREATE TABLE t (id int NOT NULL AUTO_INCREMENT, b int NOT NULL, PRIMARY KEY (b, id), KEY (id));
-- == a primary key with a prefix and a direction
CREATE TABLE t (a varchar(100) NOT NULL, b int NOT NULL, PRIMARY KEY (a(10), b));
-- to
CREATE TABLE t (a varchar(100) NOT NULL, b int NOT NULL, PRIMARY KEY (a(20), b DESC));
-- == indexes come
CREATE TABLE t (a int, b varchar(100), c text, d int);
-- rows
INSERT INTO t VALUES (1, 'x', 'y', 2);
-- keeps SELECT a, b, c, d FROM t
-- to
CREATE TABLE t (a int, b varchar(100), c text, d int, KEY i (a), UNIQUE u (b), KEY p (c(10), d DESC), KEY (d), FULLTEXT f (c), FULLTEXT g (b));
-- == indexes go
CREATE TABLE t (a int, b int, c text, KEY i (a), UNIQUE u (b), FULLTEXT f (c));
-- to
CREATE TABLE t (a int, b int, c text);
-- == indexes change
CREATE TABLE t (a int, b int, c varchar(50), KEY i (a), KEY j (a, b), UNIQUE u (a, b), KEY k (c(5)), KEY l (a) COMMENT 'x', KEY m (b));
-- to
CREATE TABLE t (a int, b int, c varchar(50), UNIQUE i (a), KEY j (b, a), KEY u (a, b), KEY k (c(9)), KEY l (a) COMMENT 'y', KEY m (b DESC));
-- == an index is renamed
CREATE TABLE t (a int, KEY i (a));
-- to
CREATE TABLE t (a int, KEY j (a));
-- == an ignored index
-- mariadb IGNORED is its word, INVISIBLE is MySQL's
CREATE TABLE t (a int, b int, KEY i (a), KEY j (b) IGNORED);
-- to
CREATE TABLE t (a int, b int, KEY i (a) IGNORED, KEY j (b));
-- == a hash in memory
CREATE TABLE t (a int, b int, KEY i (a), KEY j (b) USING BTREE) ENGINE=MEMORY;
-- to
CREATE TABLE t (a int, b int, KEY i (a) USING BTREE, KEY j (b)) ENGINE=MEMORY;
-- == a unique long text
-- mariadb MySQL has no index over all of a text
CREATE TABLE t (a text);
-- to
CREATE TABLE t (a text, UNIQUE u (a));
-- == a spatial index
CREATE TABLE t (a point NOT NULL);
-- to
CREATE TABLE t (a point NOT NULL, SPATIAL KEY s (a));
-- == all columns of an index are dropped
-- loses
CREATE TABLE t (a int, b int, c int, KEY i (b), KEY j (b, c), UNIQUE u (c));
-- rows
INSERT INTO t VALUES (1, 2, 3);
-- keeps SELECT a FROM t
-- to
CREATE TABLE t (a int);
-- == one column of an index is dropped
-- loses
CREATE TABLE t (a int, b int, KEY i (a, b), UNIQUE u (b, a));
-- to
CREATE TABLE t (a int, KEY i (a));
-- == an index on a column that changes
CREATE TABLE t (a int, KEY i (a));
-- to
CREATE TABLE t (a bigint NOT NULL, KEY i (a));
-- == names that have to be quoted
CREATE TABLE `select` (`from` int, `a``b` int, KEY `order` (`from`), CONSTRAINT `check` CHECK (`from` > 0));
-- to
CREATE TABLE `select` (`from` bigint, `a``b` int, `ä-ö` int DEFAULT 1, KEY `order` (`from`, `a``b`), CONSTRAINT `check` CHECK (`from` > 1));
-- == a foreign key comes, and its index
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY, p_id int);
-- rows
INSERT INTO p VALUES (1);
INSERT INTO c VALUES (1, 1);
-- keeps SELECT * FROM c
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY, p_id int, FOREIGN KEY (p_id) REFERENCES p (id));
-- == a foreign key with actions
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (p_id int, CONSTRAINT fk FOREIGN KEY (p_id) REFERENCES p (id));
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (p_id int, CONSTRAINT fk FOREIGN KEY (p_id) REFERENCES p (id) ON DELETE CASCADE ON UPDATE SET NULL);
-- == RESTRICT and NO ACTION are the same
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (p_id int, CONSTRAINT fk FOREIGN KEY (p_id) REFERENCES p (id) ON DELETE RESTRICT);
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (p_id int, CONSTRAINT fk FOREIGN KEY (p_id) REFERENCES p (id) ON DELETE NO ACTION);
-- == a foreign key to another table
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE q (id int PRIMARY KEY);
CREATE TABLE c (a int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE q (id int PRIMARY KEY);
CREATE TABLE c (a int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES q (id));
-- == a foreign key goes, with its column
-- loses
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int, a int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- rows
INSERT INTO p VALUES (1);
INSERT INTO c VALUES (1, 1);
-- keeps SELECT id FROM c
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int);
-- == a foreign key goes, its table too
-- loses
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (id int, a int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- to
CREATE TABLE c (id int, a int);
-- == a foreign key's own index makes room for a better one
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int, b int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int, b int, KEY i (a, b), CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- == a foreign key's own index stays beside a better one
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int, b int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int, b int, KEY fk (a), KEY i (a, b), CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- == the index of a nameless foreign key stays
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int, b int, FOREIGN KEY (a) REFERENCES p (id));
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int, b int, KEY a (a), KEY i (a, b), FOREIGN KEY (a) REFERENCES p (id));
-- == a type changes on both ends of a foreign key
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE);
-- rows
INSERT INTO p VALUES (1);
INSERT INTO c VALUES (1);
-- keeps SELECT a FROM c
-- to
CREATE TABLE p (id bigint PRIMARY KEY);
CREATE TABLE c (a bigint, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE);
-- == the referred column counts from now on
CREATE TABLE p (id int NOT NULL PRIMARY KEY);
CREATE TABLE c (a int NOT NULL, b int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- rows
INSERT INTO p VALUES (1);
INSERT INTO c VALUES (1, 2);
-- keeps SELECT a, b FROM c
-- to
CREATE TABLE p (id int NOT NULL AUTO_INCREMENT PRIMARY KEY);
CREATE TABLE c (a int NOT NULL, b int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- == a column of a foreign key may be NULL, and then not
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int NOT NULL, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int NULL, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id) ON DELETE SET NULL);
-- == a table that refers to itself
CREATE TABLE t (id int PRIMARY KEY, up int, CONSTRAINT fk FOREIGN KEY (up) REFERENCES t (id));
-- rows
INSERT INTO t VALUES (1, NULL), (2, 1);
-- keeps SELECT id, up FROM t
-- to
CREATE TABLE t (id bigint PRIMARY KEY, up bigint, CONSTRAINT fk FOREIGN KEY (up) REFERENCES t (id) ON DELETE CASCADE);
-- == two tables that refer to each other come
-- to
CREATE TABLE a (id int PRIMARY KEY, b_id int);
CREATE TABLE b (id int PRIMARY KEY, a_id int, CONSTRAINT fb FOREIGN KEY (a_id) REFERENCES a (id));
ALTER TABLE a ADD CONSTRAINT fa FOREIGN KEY (b_id) REFERENCES b (id);
-- == two tables that refer to each other go
-- loses
CREATE TABLE a (id int PRIMARY KEY, b_id int);
CREATE TABLE b (id int PRIMARY KEY, a_id int, CONSTRAINT fb FOREIGN KEY (a_id) REFERENCES a (id));
ALTER TABLE a ADD CONSTRAINT fa FOREIGN KEY (b_id) REFERENCES b (id);
CREATE TABLE c (id int);
-- to
CREATE TABLE c (id int);
-- == tables in an order that is not that of their names
-- to
CREATE TABLE z (id int PRIMARY KEY);
CREATE TABLE y (id int PRIMARY KEY, z_id int, FOREIGN KEY (z_id) REFERENCES z (id));
CREATE TABLE a (id int PRIMARY KEY, y_id int, FOREIGN KEY (y_id) REFERENCES y (id));
-- == a foreign key's name goes to another table
-- loses
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE a (x int, CONSTRAINT fk FOREIGN KEY (x) REFERENCES p (id));
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE b (x int, CONSTRAINT fk FOREIGN KEY (x) REFERENCES p (id));
-- == a new table refers to a new column of an old one
CREATE TABLE p (id int PRIMARY KEY);
-- to
CREATE TABLE p (id int PRIMARY KEY, code varchar(10) NOT NULL, UNIQUE u (code));
CREATE TABLE a (c varchar(10), FOREIGN KEY (c) REFERENCES p (code));
-- == an old table refers to a new one
CREATE TABLE a (x int);
-- to
CREATE TABLE z (id int PRIMARY KEY);
CREATE TABLE a (x int, FOREIGN KEY (x) REFERENCES z (id));
-- == a foreign key of two columns
CREATE TABLE p (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE c (x int, y int, CONSTRAINT fk FOREIGN KEY (x, y) REFERENCES p (a, b));
-- to
CREATE TABLE p (a bigint, b int, PRIMARY KEY (a, b));
CREATE TABLE c (x bigint, y int, z int, CONSTRAINT fk FOREIGN KEY (x, y) REFERENCES p (a, b));
-- == the key that a foreign key refers to changes
CREATE TABLE p (a int NOT NULL, b int NOT NULL, PRIMARY KEY (a));
CREATE TABLE c (x int, CONSTRAINT fk FOREIGN KEY (x) REFERENCES p (a));
-- to
CREATE TABLE p (a int NOT NULL, b int NOT NULL, PRIMARY KEY (b), UNIQUE u (a));
CREATE TABLE c (x int, CONSTRAINT fk FOREIGN KEY (x) REFERENCES p (a));
-- == checks of a table
CREATE TABLE t (a int, b int, CONSTRAINT x CHECK (a > 0), CONSTRAINT y CHECK (b > 0), CHECK (a <> b));
-- rows
INSERT INTO t VALUES (6, 2);
-- keeps SELECT a, b FROM t
-- to
CREATE TABLE t (a int, b int, CONSTRAINT x CHECK (a > 5), CONSTRAINT z CHECK (b > 1), CHECK (a > b));
-- == checks of a column
CREATE TABLE t (a int CHECK (a > 0), b int, c varchar(10) CHECK (c in ('x','y')));
-- rows
INSERT INTO t VALUES (6, 2, 'x');
-- keeps SELECT a, b FROM t
-- to
CREATE TABLE t (a int CHECK (a > 5), b int CHECK (b > 0), c varchar(10));
-- == a column with a check changes its type
CREATE TABLE t (a int NOT NULL CHECK (a > 0));
-- to
CREATE TABLE t (a bigint NOT NULL DEFAULT 1 COMMENT 'x' CHECK (a > 0));
-- == a check goes with its column
-- loses
CREATE TABLE t (a int, b int, CONSTRAINT x CHECK (b > a));
-- to
CREATE TABLE t (a int);
-- == a nameless check before another
CREATE TABLE t (a int, b int, CHECK (a > 0));
-- to
CREATE TABLE t (a int, b int, CHECK (b > 0), CHECK (a > 0));
-- == a generated column comes
CREATE TABLE t (a int, b int);
-- rows
INSERT INTO t VALUES (1, 2);
-- keeps SELECT a, b FROM t
-- to
CREATE TABLE t (a int, c int AS (a + b) VIRTUAL, b int, d int AS (a * b) STORED, e varchar(20) AS (concat('x', a)) STORED COMMENT 'y');
-- == a generated column changes its expression
CREATE TABLE t (a int, v int AS (a + 1) VIRTUAL, s int AS (a + 2) STORED, KEY i (v), KEY j (s));
-- rows
INSERT INTO t (a) VALUES (1);
-- keeps SELECT a FROM t
-- to
CREATE TABLE t (a int, v int AS (a + 3) VIRTUAL, s int AS (a + 4) STORED, KEY i (v), KEY j (s));
-- == a generated column changes its kind
-- loses
CREATE TABLE t (a int, v int AS (a + 1) VIRTUAL, s int AS (a + 2) STORED, KEY i (v));
-- rows
INSERT INTO t (a) VALUES (1);
-- keeps SELECT a, v, s FROM t
-- to
CREATE TABLE t (a int, v int AS (a + 1) STORED, s int AS (a + 2) VIRTUAL, KEY i (v));
-- == a stored generated column becomes a plain one
CREATE TABLE t (a int, s int AS (a + 2) STORED);
-- rows
INSERT INTO t (a) VALUES (1);
-- keeps SELECT a, s FROM t
-- to
CREATE TABLE t (a int, s int);
-- == a plain column is generated from now on
-- loses
CREATE TABLE t (a int, s int, v int);
-- rows
INSERT INTO t (a) VALUES (1);
-- keeps SELECT a FROM t
-- to
CREATE TABLE t (a int, s int AS (a + 2) STORED, v int AS (a + 3) VIRTUAL);
-- == a generated column changes its type
CREATE TABLE t (a int, v int AS (a + 1) VIRTUAL, s int AS (a + 2) STORED);
-- to
CREATE TABLE t (a int, v bigint AS (a + 1) VIRTUAL, s bigint AS (a + 2) STORED);
-- == what a generated column is made of changes
CREATE TABLE t (a int, v int AS (a + 1) VIRTUAL, s int AS (a + 2) STORED);
-- rows
INSERT INTO t (a) VALUES (1);
-- keeps SELECT a, v, s FROM t
-- to
CREATE TABLE t (a bigint, v int AS (a + 1) VIRTUAL, s int AS (a + 2) STORED);
-- == another engine
-- mariadb Aria is its engine
CREATE TABLE t (a int) ENGINE=InnoDB;
-- rows
INSERT INTO t VALUES (1);
-- keeps SELECT a FROM t
-- to
CREATE TABLE t (a int) ENGINE=Aria;
-- == options of a table
CREATE TABLE t (a int) ROW_FORMAT=COMPACT STATS_PERSISTENT=0 MAX_ROWS=5;
-- to
CREATE TABLE t (a int) ROW_FORMAT=DYNAMIC AVG_ROW_LENGTH=10;
-- == an engine's own option
-- mariadb PAGE_COMPRESSED is its option
CREATE TABLE t (a int) PAGE_COMPRESSED=1;
-- to
CREATE TABLE t (a int);
-- == a table's collation changes, and its columns'
CREATE TABLE t (a varchar(20), b text, c int, d enum('x','y'), e varchar(5) CHARACTER SET latin1) COLLATE utf8mb4_general_ci;
-- rows
INSERT INTO t VALUES ('ä€', 'ß', 1, 'y', 'é');
-- keeps SELECT a, b, c, d, e FROM t
-- to
CREATE TABLE t (a varchar(20), b text, c int, d enum('x','y'), e varchar(5) CHARACTER SET latin1) COLLATE utf8mb4_unicode_ci;
-- == a table's character set grows
CREATE TABLE t (a varchar(20) NOT NULL, b text, KEY i (a)) CHARACTER SET latin1;
-- rows
INSERT INTO t VALUES ('äß', 'é');
-- keeps SELECT a, b FROM t
-- to
CREATE TABLE t (a varchar(20) NOT NULL, b text, KEY i (a)) CHARACTER SET utf8mb4;
-- == a table's character set shrinks
-- loses
CREATE TABLE t (a varchar(20)) CHARACTER SET utf8mb4;
-- rows
INSERT INTO t VALUES ('äß');
-- keeps SELECT a FROM t
-- to
CREATE TABLE t (a varchar(20)) CHARACTER SET latin1;
-- == a table's collation changes and a column's does not
CREATE TABLE t (a varchar(20), b varchar(20) COLLATE utf8mb4_bin) COLLATE utf8mb4_general_ci;
-- to
CREATE TABLE t (a varchar(20) COLLATE utf8mb4_general_ci, b varchar(20)) COLLATE utf8mb4_bin;
-- == a column's collation changes
CREATE TABLE t (a varchar(20), b varchar(20) COLLATE utf8mb4_bin, c char(3) CHARACTER SET ascii);
-- rows
INSERT INTO t VALUES ('x', 'y', 'z');
-- keeps SELECT a, b, c FROM t
-- to
CREATE TABLE t (a varchar(20) COLLATE utf8mb4_bin, b varchar(20), c char(3));
-- == collations on both ends of a foreign key
CREATE TABLE p (id varchar(10) PRIMARY KEY) COLLATE utf8mb4_general_ci;
CREATE TABLE c (a varchar(10), b int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id)) COLLATE utf8mb4_general_ci;
-- rows
INSERT INTO p VALUES ('x');
INSERT INTO c VALUES ('x', 1);
-- keeps SELECT a, b FROM c
-- to
CREATE TABLE p (id varchar(10) PRIMARY KEY) COLLATE utf8mb4_bin;
CREATE TABLE c (a varchar(10), b int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id)) COLLATE utf8mb4_bin;
-- == json in a table whose collation changes
CREATE TABLE t (a json, b varchar(5)) COLLATE utf8mb4_general_ci;
-- rows
INSERT INTO t VALUES ('{}', 'x');
-- keeps SELECT a, b FROM t
-- to
CREATE TABLE t (a json, b varchar(5)) COLLATE utf8mb4_unicode_ci;
-- == the database's own collation
CREATE TABLE t (a varchar(5));
-- to
ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE TABLE t (a varchar(5));
-- == the old name of a character set
CREATE TABLE t (a varchar(5) CHARACTER SET utf8);
-- to
CREATE TABLE t (a varchar(5) CHARACTER SET utf8mb3, b varchar(5) CHARACTER SET utf8);
-- == partitions come
CREATE TABLE t (id int, d date);
-- rows
INSERT INTO t VALUES (1, '2019-05-05'), (2, '2024-05-05');
-- keeps SELECT id, d FROM t ORDER BY id
-- to
CREATE TABLE t (id int, d date) PARTITION BY RANGE (year(d)) (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE);
-- == partitions change
CREATE TABLE t (id int, d date) PARTITION BY RANGE (year(d)) (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE);
-- rows
INSERT INTO t VALUES (1, '2019-05-05'), (2, '2024-05-05');
-- keeps SELECT id, d FROM t ORDER BY id
-- to
CREATE TABLE t (id int, d date, e int) PARTITION BY HASH (id) PARTITIONS 3;
-- == a versioned table
-- mariadb it alone keeps versions
CREATE TABLE t (id int);
-- rows
INSERT INTO t VALUES (1);
-- keeps SELECT id FROM t
-- to
CREATE TABLE t (id int, b int) WITH SYSTEM VERSIONING;
-- == a versioned table loses its history
-- mariadb it alone keeps versions
-- loses
CREATE TABLE t (id int) WITH SYSTEM VERSIONING;
-- to
CREATE TABLE t (id int);
-- == a versioned table with named columns
-- mariadb it alone keeps versions
-- to
CREATE TABLE t (id int, s timestamp(6) GENERATED ALWAYS AS ROW START, e timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;
-- == a table gets versions in columns with names
-- mariadb it alone keeps versions
CREATE TABLE t (id int PRIMARY KEY, a int);
CREATE TABLE u (id int PRIMARY KEY, a int);
-- rows
INSERT INTO t VALUES (1, 2);
INSERT INTO u VALUES (1, 2);
-- keeps SELECT t.id, t.a, u.id, u.a FROM t, u
-- to
CREATE TABLE t (id int PRIMARY KEY, s bigint unsigned GENERATED ALWAYS AS ROW START, a int, e bigint unsigned GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;
CREATE TABLE u (id int PRIMARY KEY, a int, s timestamp(6) GENERATED ALWAYS AS ROW START INVISIBLE, e timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;
-- == the columns of versions get names
-- mariadb it alone keeps versions
-- loses
CREATE TABLE t (id int PRIMARY KEY, a int WITHOUT SYSTEM VERSIONING, b int) WITH SYSTEM VERSIONING;
-- rows
INSERT INTO t VALUES (1, 2, 3);
UPDATE t SET b = 4;
-- keeps SELECT id, a, b FROM t
-- to
CREATE TABLE t (id int PRIMARY KEY, a int WITHOUT SYSTEM VERSIONING, b bigint, s timestamp(6) GENERATED ALWAYS AS ROW START, e timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;
-- == views that need each other
CREATE TABLE t (a int, b int);
-- to
CREATE TABLE t (a int, b int);
CREATE VIEW z AS SELECT a, b + 1 AS c FROM t WHERE a > 0;
CREATE VIEW a AS SELECT * FROM z WITH CASCADED CHECK OPTION;
CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW m AS SELECT t.a FROM t JOIN z ON t.a = z.a;
-- == a view changes with its table
-- loses
CREATE TABLE t (a int, b int);
CREATE VIEW v (x, y) AS SELECT a, b FROM t;
-- to
CREATE TABLE t (a int, c int);
CREATE VIEW v (x, z) AS SELECT a, c FROM t;
-- == a view becomes a table
CREATE TABLE t (a int);
CREATE VIEW v AS SELECT a FROM t;
-- to
CREATE TABLE t (a int);
CREATE TABLE v (a int);
-- == a view goes with its table
-- loses
CREATE TABLE t (a int);
CREATE TABLE u (a int);
CREATE VIEW v AS SELECT a FROM u;
-- to
CREATE TABLE t (a int);
-- == a view with texts and an alias
-- to
CREATE TABLE t (a int, d date);
CREATE VIEW v AS SELECT x.a, 'it''s' AS s, extract(year FROM x.d) AS y, (SELECT max(t.a) FROM t) AS m FROM t x ORDER BY x.a LIMIT 5;
-- == triggers come
CREATE TABLE t (a int, b int);
-- to
CREATE TABLE t (a int, b int);
CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW SET NEW.b = NEW.a;
CREATE TRIGGER two BEFORE INSERT ON t FOR EACH ROW BEGIN
  IF NEW.a > 1 THEN SET NEW.b = 2; END IF;
END;
CREATE TRIGGER three AFTER DELETE ON t FOR EACH ROW DELETE FROM t WHERE a = OLD.a;
-- == triggers change their order
CREATE TABLE t (a int, b int);
CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 1;
CREATE TRIGGER two BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 2;
CREATE TRIGGER three BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 3;
-- to
CREATE TABLE t (a int, b int);
CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 11;
CREATE TRIGGER three BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 3;
CREATE TRIGGER two BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 2;
-- == the first of two triggers changes
CREATE TABLE t (a int, b int);
CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 1;
CREATE TRIGGER two BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 2;
-- to
CREATE TABLE t (a int, b int);
CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 11;
CREATE TRIGGER two BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 2;
-- == a trigger goes with its table
-- loses
CREATE TABLE t (a int);
CREATE TABLE u (a int);
CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1;
-- to
CREATE TABLE u (a int);
CREATE TRIGGER one BEFORE INSERT ON u FOR EACH ROW SET NEW.a = 1;
-- == routines
CREATE FUNCTION f (a int) RETURNS int DETERMINISTIC RETURN a + 1;
CREATE PROCEDURE p (IN a int, OUT b varchar(20)) COMMENT 'x' BEGIN SET b = 'y;'; END;
CREATE FUNCTION g () RETURNS varchar(10) CHARACTER SET latin1 READS SQL DATA RETURN 'x';
-- to
CREATE FUNCTION f (a bigint) RETURNS bigint DETERMINISTIC RETURN a + 2;
CREATE PROCEDURE p (IN a int, INOUT b varchar(20)) SQL SECURITY INVOKER BEGIN
  DECLARE x int DEFAULT 0;
  WHILE x < a DO SET x = x + 1; END WHILE;
  SET b = 'z';
END;
-- == a view of a function
-- to
CREATE TABLE t (a int);
CREATE FUNCTION f (a int) RETURNS int DETERMINISTIC RETURN a + 1;
CREATE VIEW v AS SELECT f(a) AS b FROM t;
-- == an event
CREATE TABLE t (a int);
CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t;
-- to
CREATE TABLE t (a int);
CREATE EVENT e ON SCHEDULE EVERY 1 HOUR ON COMPLETION PRESERVE DISABLE COMMENT 'it''s' DO DELETE FROM t WHERE a > 1;
CREATE EVENT f ON SCHEDULE EVERY 2 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM t;
-- == sequences
-- mariadb it alone has sequences
CREATE SEQUENCE s START WITH 5;
CREATE SEQUENCE u;
CREATE TABLE t (a int DEFAULT (nextval(s)));
-- rows
SELECT nextval(s);
INSERT INTO t VALUES (), ();
-- keeps SELECT a FROM t
-- loses
-- to
CREATE SEQUENCE s START WITH 5 INCREMENT BY 2 MAXVALUE 1000 CYCLE;
CREATE SEQUENCE n MINVALUE 10 START WITH 20;
CREATE TABLE t (a int DEFAULT (nextval(s)), b int DEFAULT (nextval(n)));
-- == comments on sequences
-- mariadb it alone has sequences
CREATE SEQUENCE s COMMENT='one';
CREATE SEQUENCE u COMMENT='none';
CREATE SEQUENCE w START WITH 5;
-- to
CREATE SEQUENCE s INCREMENT BY 2 COMMENT='it''s two';
CREATE SEQUENCE u;
CREATE SEQUENCE w START WITH 5 COMMENT='a \\ and a "';
-- == a sequence's range moves beyond what it has counted to
-- mariadb it alone has sequences
CREATE SEQUENCE s START 1 MINVALUE 1;
CREATE SEQUENCE u START 1 MINVALUE 1 NOCACHE;
CREATE SEQUENCE v NOCACHE;
CREATE SEQUENCE w START 5 NOCACHE;
-- rows
SELECT nextval(u), nextval(v), nextval(w);
-- to
CREATE SEQUENCE s START 100 MINVALUE 100;
CREATE SEQUENCE u START 100 MINVALUE 100 NOCACHE;
CREATE SEQUENCE v START -1 INCREMENT -1 MAXVALUE -1 NOCACHE;
CREATE SEQUENCE w START 5 MAXVALUE 6 NOCACHE;
CREATE TABLE t (a int DEFAULT (nextval(s)), b int DEFAULT (nextval(u)), c int DEFAULT (nextval(v)), d int DEFAULT (nextval(w)));
-- == a sequence's range ends before what it has counted to
-- mariadb it alone has sequences
-- loses
CREATE SEQUENCE s;
-- rows
SELECT nextval(s);
-- keeps SELECT nextval(s) BETWEEN 1 AND 500
-- to
CREATE SEQUENCE s MAXVALUE 500;
-- == a sequence gets another engine
-- mariadb it alone has sequences
CREATE SEQUENCE s ENGINE=MyISAM COMMENT='a ENGINE=b';
CREATE SEQUENCE u;
-- rows
SELECT nextval(s), nextval(u);
-- keeps SELECT next_not_cached_value FROM s
-- to
CREATE SEQUENCE s ENGINE=InnoDB COMMENT='a ENGINE=c';
CREATE SEQUENCE u ENGINE=Aria COMMENT='new';
-- == Aria with and without transactions
-- mariadb Aria is its engine
CREATE TABLE t (a int PRIMARY KEY) ENGINE=Aria TRANSACTIONAL=0;
CREATE TABLE u (a int PRIMARY KEY) ENGINE=Aria;
CREATE TABLE v (a int PRIMARY KEY) ENGINE=Aria TRANSACTIONAL=0;
-- rows
INSERT INTO t VALUES (1);
-- keeps SELECT a FROM t
-- to
CREATE TABLE t (a int PRIMARY KEY) ENGINE=Aria TRANSACTIONAL=1;
CREATE TABLE u (a int PRIMARY KEY) ENGINE=Aria TRANSACTIONAL=0;
CREATE TABLE v (a int PRIMARY KEY) ENGINE=InnoDB;
-- == periods
-- mariadb it alone has periods
CREATE TABLE t (id int, s date, e date, c date NOT NULL);
CREATE TABLE u (id int, s date NOT NULL, e date NOT NULL, PERIOD FOR p (s, e), UNIQUE k (id, p WITHOUT OVERLAPS));
CREATE TABLE v (id int, s date NOT NULL, e date NOT NULL, CONSTRAINT p CHECK (s < e), UNIQUE k (id, e, s));
-- rows
INSERT INTO t VALUES (1, '2020-01-01', '2020-02-01', '2020-01-02');
INSERT INTO u VALUES (1, '2020-01-01', '2020-02-01');
-- keeps SELECT id, s, e FROM t UNION SELECT id, s, e FROM u
-- to
CREATE TABLE t (id int, s date NOT NULL, e date NOT NULL, c date NOT NULL, PERIOD FOR p (s, e), PRIMARY KEY (id, p WITHOUT OVERLAPS), CHECK (s < c));
CREATE TABLE u (id int, s date NOT NULL, e date NOT NULL, n int, PERIOD FOR q (s, e), UNIQUE k (id, q WITHOUT OVERLAPS));
CREATE TABLE v (id int, s date NOT NULL, e date NOT NULL, PERIOD FOR p (s, e), UNIQUE k (id, p WITHOUT OVERLAPS));
CREATE TABLE w (id int, s datetime(6) NOT NULL, e datetime(6) NOT NULL, PERIOD FOR `a``b` (s, e)) WITH SYSTEM VERSIONING;
-- == much at once
CREATE TABLE p (id int AUTO_INCREMENT PRIMARY KEY, name varchar(20) NOT NULL, UNIQUE u (name));
CREATE TABLE c (id int PRIMARY KEY, p_id int NOT NULL, note text, KEY i (p_id), CONSTRAINT fk FOREIGN KEY (p_id) REFERENCES p (id));
CREATE VIEW v AS SELECT p.name, c.note FROM p JOIN c ON c.p_id = p.id;
-- rows
INSERT INTO p VALUES (1, 'x');
INSERT INTO c VALUES (1, 1, 'n');
-- keeps SELECT id, name FROM p
-- keeps SELECT id, p_id FROM c
-- loses
-- to
CREATE TABLE p (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, name varchar(60) NOT NULL, email varchar(100) NOT NULL DEFAULT '', KEY u (name), UNIQUE e (email)) COMMENT 'people';
CREATE TABLE c (id int PRIMARY KEY, p_id bigint unsigned NOT NULL, added datetime NOT NULL DEFAULT CURRENT_TIMESTAMP, KEY i (p_id, added),
  CONSTRAINT fk FOREIGN KEY (p_id) REFERENCES p (id) ON DELETE CASCADE, CONSTRAINT positive CHECK (id > 0));
CREATE TABLE d (c_id int, FOREIGN KEY (c_id) REFERENCES c (id));
CREATE VIEW v AS SELECT p.name, p.email FROM p JOIN c ON c.p_id = p.id;
-- == texts with everything in them
CREATE TABLE t (a varchar(50) DEFAULT 'x');
-- to
CREATE TABLE t (a varchar(50) DEFAULT 'it''s "a" \\ b % _ `c`
 second line	tab ä€', b enum('a,b','c''d','e\\f','(g)','ä') DEFAULT 'e\\f', c set('x y','z;') DEFAULT 'x y,z;',
  d varchar(50) AS (concat('it''s \\ ', a, 'ä€😀;')) VIRTUAL COMMENT 'l1
l2', e varchar(20), KEY i (e) COMMENT 'it''s \\ "x"', CONSTRAINT k CHECK (e <> 'it''s \\ ä' AND e NOT LIKE '%\\_x%')) COMMENT 'it''s \\
 two';
CREATE VIEW v AS SELECT 'it''s \\ "ä€😀" ;' AS s, a FROM t WHERE a LIKE '%\\%%' ESCAPE '|';
CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.e = 'it''s \\ "ä€😀"; -- no';
CREATE PROCEDURE p () COMMENT 'it''s' SELECT 'it''s \\ ä;' AS x; -- said
-- == names with everything in them
CREATE TABLE `a.b c` (`x.y` int, `it's` int, `ä€` int, `"q"` int, KEY `i.j` (`x.y`));
-- to
CREATE TABLE `a.b c` (`x.y` bigint, `it's` int DEFAULT 1, `ä€` int, `"q"` int, `n\` int, KEY `i.j` (`x.y`, `it's`), CONSTRAINT `c'h` CHECK (`it's` > 0));
CREATE TABLE `q``t` (`i d` int PRIMARY KEY);
CREATE TABLE `100` (`1` int, CONSTRAINT `f k` FOREIGN KEY (`1`) REFERENCES `q``t` (`i d`));
-- == a circle of tables whose keys grow
CREATE TABLE store (id int PRIMARY KEY, boss int NOT NULL, UNIQUE u (boss));
CREATE TABLE staff (id int PRIMARY KEY, store_id int NOT NULL, name varchar(10), CONSTRAINT in_store FOREIGN KEY (store_id) REFERENCES store (id) ON UPDATE CASCADE);
ALTER TABLE store ADD CONSTRAINT of_staff FOREIGN KEY (boss) REFERENCES staff (id);
-- rows
SET foreign_key_checks = 0;
INSERT INTO store VALUES (1, 2);
INSERT INTO staff VALUES (2, 1, 'x');
-- keeps SELECT * FROM store JOIN staff
-- to
CREATE TABLE store (id bigint PRIMARY KEY, boss bigint NOT NULL, UNIQUE u (boss));
CREATE TABLE staff (id bigint PRIMARY KEY, store_id bigint NOT NULL, name varchar(10), CONSTRAINT in_store FOREIGN KEY (store_id) REFERENCES store (id) ON UPDATE CASCADE);
ALTER TABLE store ADD CONSTRAINT of_staff FOREIGN KEY (boss) REFERENCES staff (id);
-- == routines with labels, handlers and comments
CREATE TABLE t (a int);
-- to
CREATE TABLE t (a int);
DELIMITER $$
CREATE PROCEDURE p (IN n int, OUT total decimal(5,2))
  READS SQL DATA
outer_block: BEGIN
  # it's a comment; with an apostrophe
  DECLARE done boolean DEFAULT false; -- and "another
  DECLARE c CURSOR FOR SELECT a FROM t;
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = true;
  IF n = 0 THEN LEAVE outer_block; END IF;
  OPEN c;
  read_loop: LOOP
    FETCH c INTO total;
    IF done THEN LEAVE read_loop; END IF;
  END LOOP;
  CLOSE c;
  CASE n WHEN 1 THEN SET total = 1; ELSE BEGIN END; END CASE;
END $$
DELIMITER ;
CREATE FUNCTION f (i int) RETURNS varchar(20) CHARSET utf8mb4 DETERMINISTIC
BEGIN
  /* nothing; */
  RETURN concat(i, ';');
END;
-- == views of every kind of query
CREATE TABLE t (a int, b varchar(10), d date);
CREATE TABLE u (a int);
-- to
CREATE TABLE t (a int, b varchar(10), d date);
CREATE TABLE u (a int);
CREATE VIEW v1 AS WITH x AS (SELECT a FROM t) SELECT x.a, row_number() OVER (PARTITION BY x.a ORDER BY x.a) AS n FROM x;
CREATE VIEW v2 AS SELECT a FROM t UNION ALL SELECT a FROM u ORDER BY a;
CREATE VIEW v3 AS SELECT s.a FROM (SELECT a FROM v1 GROUP BY a HAVING count(*) > 1) s LEFT JOIN v2 ON v2.a = s.a WHERE EXISTS (SELECT 1 FROM u WHERE u.a = s.a);
CREATE VIEW v0 AS SELECT v3.a, group_concat(DISTINCT t.b ORDER BY t.b SEPARATOR ', ') AS names, cast(t.d AS char) AS day FROM v3, t GROUP BY v3.a, t.d;
-- == a view and what it reads change places
CREATE TABLE t (a int);
CREATE VIEW b AS SELECT a FROM t;
CREATE VIEW a AS SELECT a FROM b;
-- to
CREATE TABLE t (a int);
CREATE VIEW a AS SELECT a FROM t;
CREATE VIEW b AS SELECT a FROM a;
-- == a table becomes a view
-- loses
CREATE TABLE t (a int);
CREATE TABLE v (a int);
-- to
CREATE TABLE t (a int);
CREATE VIEW v AS SELECT a FROM t;
-- == lists, keys and columns as partitions
-- to
CREATE TABLE a (id int, c varchar(10)) PARTITION BY LIST COLUMNS (c) (PARTITION x VALUES IN ('it''s', 'b'), PARTITION y VALUES IN ('c'));
CREATE TABLE b (id int PRIMARY KEY) PARTITION BY KEY (id) PARTITIONS 2;
CREATE TABLE c (d date, i int) PARTITION BY RANGE COLUMNS (d) SUBPARTITION BY HASH (i) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN ('2020-01-01'), PARTITION p1 VALUES LESS THAN (MAXVALUE));
-- == a partitioned table gets columns and keys
CREATE TABLE t (id int NOT NULL, d date NOT NULL, PRIMARY KEY (id, d)) PARTITION BY RANGE (to_days(d)) (PARTITION p0 VALUES LESS THAN (700000), PARTITION p1 VALUES LESS THAN MAXVALUE);
-- rows
INSERT INTO t VALUES (1, '2024-05-05');
-- keeps SELECT id, d FROM t
-- to
CREATE TABLE t (id bigint NOT NULL, d date NOT NULL, n varchar(5) NOT NULL DEFAULT 'x', PRIMARY KEY (id, d), KEY i (n)) PARTITION BY RANGE (to_days(d)) (PARTITION p0 VALUES LESS THAN (700000), PARTITION p1 VALUES LESS THAN MAXVALUE);
-- == the first column goes and another takes its place
-- loses
CREATE TABLE t (a int, b int, c int);
-- to
CREATE TABLE t (x int, b int, y int, c int);
-- == every column but one goes
-- loses
CREATE TABLE t (a int, b int, c int, PRIMARY KEY (a, b), KEY i (c));
-- to
CREATE TABLE t (d int);
-- == a binary collation by its short word
-- mariadb uca1400 are its collations
-- to
CREATE TABLE t (a varchar(40) BINARY, b char(5) CHARACTER SET latin1 BINARY, c varchar(10) CHARACTER SET binary, d text COLLATE utf8mb4_uca1400_ai_ci, e national varchar(5), f longtext CHARACTER SET ucs2);
-- == compressed columns and other attributes
-- mariadb COMPRESSED is its attribute
-- to
CREATE TABLE t (a text COMPRESSED, b varchar(500) COMPRESSED CHARACTER SET latin1 DEFAULT 'x', c int(5) unsigned zerofill DEFAULT 7, d serial, e bit DEFAULT b'1', f double(10,3) unsigned);
-- == a date's default that is zero
CREATE TABLE t (a datetime NOT NULL DEFAULT '0000-00-00 00:00:00', b date);
-- to
CREATE TABLE t (a datetime NOT NULL DEFAULT '0000-00-00 00:00:00', b date NOT NULL DEFAULT '0000-00-00', c timestamp NOT NULL DEFAULT '2001-01-01 00:00:00');
-- == a dump
-- mariadb of an account of this server
-- to
SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT;
SET NAMES utf8mb4;
SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0;
SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO';
DROP TABLE IF EXISTS `c`;
CREATE TABLE `c` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `p_id` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `p_id` (`p_id`),
  CONSTRAINT `c_ibfk_1` FOREIGN KEY (`p_id`) REFERENCES `p` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=17 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
LOCK TABLES `c` WRITE;
ALTER TABLE `c` DISABLE KEYS;
ALTER TABLE `c` ENABLE KEYS;
UNLOCK TABLES;
CREATE TABLE `p` (
  `id` int(11) NOT NULL
, PRIMARY KEY (`id`)
) ENGINE=InnoDB;
CREATE DEFINER=`tidegate`@`127.0.0.1` TRIGGER `r` BEFORE INSERT ON `c` FOR EACH ROW SET NEW.p_id = 1;
CREATE ALGORITHM=UNDEFINED DEFINER=`tidegate`@`127.0.0.1` SQL SECURITY DEFINER VIEW `v` AS select `c`.`id` AS `id` from `c`;
SET SQL_MODE=@OLD_SQL_MODE;
-- == a table and its columns are renamed by hint
-- tidegate:rename purchases -> orders
-- tidegate:rename purchases.amount -> total
CREATE TABLE orders (id int PRIMARY KEY, total decimal(10,2), note varchar(20), KEY t (total), CONSTRAINT positive CHECK (total > 0));
CREATE TABLE items (order_id int, n int AS (order_id + 1) VIRTUAL, CONSTRAINT fk FOREIGN KEY (order_id) REFERENCES orders (id));
CREATE TRIGGER r BEFORE INSERT ON orders FOR EACH ROW SET NEW.note = 'x';
-- rows
INSERT INTO orders VALUES (1, 5, 'y');
INSERT INTO items (order_id) VALUES (1);
-- keeps SELECT count(*) FROM items
-- to
-- tidegate:rename orders -> purchases
-- tidegate:rename orders.total -> amount
CREATE TABLE purchases (id int PRIMARY KEY, amount decimal(12,2), note varchar(20), KEY t (amount), CONSTRAINT positive CHECK (amount > 0));
CREATE TABLE items (order_id int, n int AS (order_id + 1) VIRTUAL, CONSTRAINT fk FOREIGN KEY (order_id) REFERENCES purchases (id));
CREATE TRIGGER r BEFORE INSERT ON purchases FOR EACH ROW SET NEW.note = 'x';
-- == a column of a foreign key is renamed by hint
-- mariadb MySQL renames no column that another is computed from, and that is said
-- tidegate:rename c.b -> a
-- tidegate:rename p.key_id -> id
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int, g int AS (a + 1) STORED, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- rows
INSERT INTO p VALUES (1);
INSERT INTO c (a) VALUES (1);
-- keeps SELECT g FROM c
-- to
-- tidegate:rename c.a -> b
-- tidegate:rename p.id -> key_id
CREATE TABLE p (key_id int PRIMARY KEY);
CREATE TABLE c (b int, g int AS (b + 1) STORED, CONSTRAINT fk FOREIGN KEY (b) REFERENCES p (key_id));
-- == a column's name changes its case
CREATE TABLE t (id int, Name varchar(20), KEY Idx (Name));
-- rows
INSERT INTO t VALUES (1, 'x');
-- keeps SELECT id, name FROM t
-- to
CREATE TABLE t (ID int, name varchar(30), KEY idx (name));
-- == a dump with executable comments
-- mariadb of an account of this server, and its own comments
-- to
/*!40101 SET NAMES utf8mb4 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
DROP TABLE IF EXISTS `c`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8 */;
CREATE TABLE `c` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `p_id` int(11) DEFAULT NULL,
  `t` text /*M!100301 COMPRESSED*/ DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `p_id` (`p_id`),
  CONSTRAINT `c_ibfk_1` FOREIGN KEY (`p_id`) REFERENCES `p` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=17 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;
LOCK TABLES `c` WRITE;
/*!40000 ALTER TABLE `c` DISABLE KEYS */;
/*!40000 ALTER TABLE `c` ENABLE KEYS */;
UNLOCK TABLES;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`tidegate`@`127.0.0.1`*/ /*!50003 TRIGGER `r` BEFORE INSERT ON `c` FOR EACH ROW BEGIN SET NEW.p_id = 1; END */;;
DELIMITER ;
CREATE TABLE `p` (`id` int(11) NOT NULL, PRIMARY KEY (`id`));
CREATE TABLE `q` (`id` int(11) NOT NULL, PRIMARY KEY (`id`)) /*!50100 PARTITION BY HASH (`id`)
PARTITIONS 2 */;
/*!50001 CREATE VIEW `v` AS SELECT 1 AS `id` */;
/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`tidegate`@`127.0.0.1` SQL SECURITY DEFINER */
/*!50001 VIEW `v` AS select `c`.`id` AS `id` from `c` */;
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
-- == a text too long for its index
CREATE TABLE t (a varchar(20), KEY i (a), UNIQUE u (a));
-- rows
INSERT INTO t VALUES ('x');
-- keeps SELECT a FROM t
-- to
CREATE TABLE t (a text, KEY i (a(10)), UNIQUE u (a(20)));
-- == columns that are computed from each other go together
-- mariadb a column's own check reads other columns there alone
-- loses
CREATE TABLE t (id int, a int, b int AS (a + 1) STORED, c int AS (b + 1) VIRTUAL, d int CHECK (d > a), KEY i (b), KEY j (c));
-- to
CREATE TABLE t (id int, d int CHECK (d > id));
-- == a counter becomes a plain column without a key
CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, a int);
-- rows
INSERT INTO t VALUES (3, 1);
-- keeps SELECT id, a FROM t
-- to
CREATE TABLE t (id int NOT NULL, a int);
-- == the index that a foreign key needs is renamed, on both ends
CREATE TABLE p (id int, UNIQUE u (id));
CREATE TABLE c (a int, KEY i (a), CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- to
CREATE TABLE p (id int, UNIQUE v (id));
CREATE TABLE c (a int, KEY j (a), CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- == what a foreign key refers to becomes part of a longer key
-- mariadb MySQL refers to whole keys, as it comes (restrict_fk_on_non_standard_key)
CREATE TABLE p (a int NOT NULL, b int NOT NULL, PRIMARY KEY (a));
CREATE TABLE c (x int, CONSTRAINT fk FOREIGN KEY (x) REFERENCES p (a));
-- to
CREATE TABLE p (a int NOT NULL, b int NOT NULL, PRIMARY KEY (a, b));
CREATE TABLE c (x int, CONSTRAINT fk FOREIGN KEY (x) REFERENCES p (a));
-- == an engine without foreign keys
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int, CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id));
-- rows
INSERT INTO p VALUES (1);
INSERT INTO c VALUES (1);
-- keeps SELECT a FROM c
-- to
CREATE TABLE p (id int PRIMARY KEY) ENGINE=MyISAM;
CREATE TABLE c (a int, KEY fk (a)) ENGINE=MyISAM;
-- == a default goes with its label
-- loses
CREATE TABLE t (a enum('x','y') NOT NULL DEFAULT 'y', b set('p','q') DEFAULT 'p,q');
-- to
CREATE TABLE t (a enum('x') NOT NULL DEFAULT 'x', b set('p') DEFAULT 'p');
-- == the same index twice
CREATE TABLE t (a int, UNIQUE u (a), UNIQUE v (a), KEY i (a), KEY j (a));
-- to
CREATE TABLE t (a int, UNIQUE v (a), KEY j (a), KEY k (a));
-- == a table with triggers changes below them
CREATE TABLE t (a int, b int);
CREATE TABLE log (n int);
CREATE TRIGGER r AFTER INSERT ON t FOR EACH ROW INSERT INTO log VALUES (NEW.a);
CREATE TRIGGER s AFTER UPDATE ON t FOR EACH ROW INSERT INTO log VALUES (OLD.b);
-- rows
INSERT INTO t VALUES (1, 2);
-- keeps SELECT n FROM log
-- loses
-- to
CREATE TABLE t (a bigint NOT NULL DEFAULT 0, c int);
CREATE TABLE log (n bigint);
CREATE TRIGGER r AFTER INSERT ON t FOR EACH ROW INSERT INTO log VALUES (NEW.a);
CREATE TRIGGER s AFTER UPDATE ON t FOR EACH ROW INSERT INTO log VALUES (OLD.c);
-- == versions in partitions
-- mariadb it alone keeps versions
CREATE TABLE t (id int) WITH SYSTEM VERSIONING;
-- to
CREATE TABLE t (id int) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME LIMIT 1000 (PARTITION h HISTORY, PARTITION c CURRENT);
-- == a versioned table changes
-- mariadb it alone keeps versions
CREATE TABLE t (id int PRIMARY KEY, a varchar(10)) WITH SYSTEM VERSIONING;
-- rows
INSERT INTO t VALUES (1, 'x');
UPDATE t SET a = 'y';
-- keeps SELECT count(*) FROM t FOR SYSTEM_TIME ALL
-- to
CREATE TABLE t (id bigint PRIMARY KEY, a varchar(20), b int, KEY i (a)) WITH SYSTEM VERSIONING;
-- == full texts of a table that changes its characters
CREATE TABLE t (a text, b varchar(100), FULLTEXT f (a), FULLTEXT g (a, b)) COLLATE utf8mb4_general_ci;
-- rows
INSERT INTO t VALUES ('x', 'y');
-- keeps SELECT a, b FROM t
-- to
CREATE TABLE t (a text, b varchar(100), FULLTEXT f (a), FULLTEXT h (b)) COLLATE utf8mb4_unicode_ci;
-- == a key over a generated column
CREATE TABLE t (id int PRIMARY KEY, j json, n varchar(20) AS (json_value(j, '$.n')) STORED, v int AS (json_length(j)) VIRTUAL, UNIQUE u (n), KEY i (v));
-- rows
INSERT INTO t (id, j) VALUES (1, '{"n":"x"}');
-- keeps SELECT id, j FROM t
-- to
CREATE TABLE t (id int PRIMARY KEY, j json NOT NULL, n varchar(30) AS (json_value(j, '$.name')) STORED, v int AS (json_length(j) + 1) VIRTUAL, KEY u (n), UNIQUE i (v));
-- == keys of many parts in many orders
CREATE TABLE t (a int NOT NULL, b varchar(30) NOT NULL, c date NOT NULL, d text, PRIMARY KEY (a, b), KEY x (c, a DESC, b(5)), UNIQUE y (c, b), KEY z (d(3), a));
-- to
CREATE TABLE t (a int NOT NULL, b varchar(30) NOT NULL, c date NOT NULL, d text, PRIMARY KEY (b DESC, a, c), KEY x (c DESC, a, b(7)), UNIQUE y (b, c), KEY z (a, d(3) DESC));
-- == small changes of numbers
CREATE TABLE t (a decimal(10,2) NOT NULL DEFAULT 1.5, b float DEFAULT 0.1, c bit(4) DEFAULT b'11', d year DEFAULT 2000, e time DEFAULT '10:00:00', f tinyint(1) DEFAULT 1, g bigint DEFAULT 9223372036854775807, h bigint unsigned DEFAULT 18446744073709551615);
-- to
CREATE TABLE t (a decimal(12,4) NOT NULL DEFAULT 1.5, b double DEFAULT 0.25, c bit(8) DEFAULT b'111', d year DEFAULT 2001, e time(3) DEFAULT '10:00:00.5', f tinyint(4) DEFAULT -1, g bigint DEFAULT -9223372036854775808, h bigint unsigned DEFAULT 0);
-- == three tables in a row change the column that they share
CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE b (id int PRIMARY KEY, CONSTRAINT f1 FOREIGN KEY (id) REFERENCES a (id) ON DELETE CASCADE);
CREATE TABLE c (id int PRIMARY KEY, CONSTRAINT f2 FOREIGN KEY (id) REFERENCES b (id), CONSTRAINT f3 FOREIGN KEY (id) REFERENCES a (id));
-- rows
INSERT INTO a VALUES (1);
INSERT INTO b VALUES (1);
INSERT INTO c VALUES (1);
-- keeps SELECT id FROM a NATURAL JOIN b NATURAL JOIN c
-- to
CREATE TABLE a (id bigint PRIMARY KEY);
CREATE TABLE b (id bigint PRIMARY KEY, CONSTRAINT f1 FOREIGN KEY (id) REFERENCES a (id) ON DELETE CASCADE);
CREATE TABLE c (id bigint PRIMARY KEY, CONSTRAINT f2 FOREIGN KEY (id) REFERENCES b (id), CONSTRAINT f3 FOREIGN KEY (id) REFERENCES a (id));
-- == nameless foreign keys trade places
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE q (id int PRIMARY KEY);
CREATE TABLE c (a int, b int, FOREIGN KEY (a) REFERENCES p (id), FOREIGN KEY (b) REFERENCES q (id));
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE q (id int PRIMARY KEY);
CREATE TABLE c (a int, b int, c int, FOREIGN KEY (c) REFERENCES q (id), FOREIGN KEY (b) REFERENCES q (id), FOREIGN KEY (a) REFERENCES p (id));
-- == a procedure and a function of one name
-- mariadb it alone has aggregates in SQL
CREATE PROCEDURE x () SELECT 1;
-- to
CREATE PROCEDURE x () SELECT 2;
CREATE FUNCTION x () RETURNS int RETURN 2;
CREATE AGGREGATE FUNCTION g (n int) RETURNS int BEGIN DECLARE s int DEFAULT 0; DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s; LOOP FETCH GROUP NEXT ROW; SET s = s + n; END LOOP; END;
-- == what is named by hint is named by views, triggers and routines
-- mariadb MySQL renames no column that another is computed from, and that is said
-- tidegate:rename purchases -> orders
-- tidegate:rename orders.amount -> total
CREATE TABLE orders (id int PRIMARY KEY, total int, twice int AS (total * 2) STORED, CONSTRAINT positive CHECK (total > 0));
CREATE VIEW v AS SELECT o.total AS sum FROM orders o WHERE total > 1;
CREATE VIEW w AS SELECT sum FROM v;
CREATE TRIGGER r BEFORE INSERT ON orders FOR EACH ROW SET NEW.total = NEW.total + 1;
CREATE FUNCTION f () RETURNS int READS SQL DATA RETURN (SELECT max(total) FROM orders);
-- rows
INSERT INTO orders (id, total) VALUES (1, 4);
-- keeps SELECT * FROM w
-- keeps SELECT f()
-- to
-- tidegate:rename orders -> purchases
-- tidegate:rename purchases.total -> amount
CREATE TABLE purchases (id int PRIMARY KEY, amount int, twice int AS (amount * 2) STORED, CONSTRAINT positive CHECK (amount > 0));
CREATE VIEW v AS SELECT o.amount AS sum FROM purchases o WHERE amount > 1;
CREATE VIEW w AS SELECT sum FROM v;
CREATE TRIGGER r BEFORE INSERT ON purchases FOR EACH ROW SET NEW.amount = NEW.amount + 1;
CREATE FUNCTION f () RETURNS int READS SQL DATA RETURN (SELECT max(amount) FROM purchases);
-- == what is named by hint is named by views, triggers and routines, and none is computed from it
-- tidegate:rename purchases -> orders
-- tidegate:rename orders.amount -> total
CREATE TABLE orders (id int PRIMARY KEY, total int, CONSTRAINT positive CHECK (total > 0));
CREATE VIEW v AS SELECT o.total AS sum FROM orders o WHERE total > 1;
CREATE VIEW w AS SELECT sum FROM v;
CREATE TRIGGER r BEFORE INSERT ON orders FOR EACH ROW SET NEW.total = NEW.total + 1;
CREATE FUNCTION f () RETURNS int READS SQL DATA RETURN (SELECT max(total) FROM orders);
-- rows
INSERT INTO orders (id, total) VALUES (1, 4);
-- keeps SELECT * FROM w
-- keeps SELECT f()
-- to
-- tidegate:rename orders -> purchases
-- tidegate:rename purchases.total -> amount
CREATE TABLE purchases (id int PRIMARY KEY, amount int, CONSTRAINT positive CHECK (amount > 0));
CREATE VIEW v AS SELECT o.amount AS sum FROM purchases o WHERE amount > 1;
CREATE VIEW w AS SELECT sum FROM v;
CREATE TRIGGER r BEFORE INSERT ON purchases FOR EACH ROW SET NEW.amount = NEW.amount + 1;
CREATE FUNCTION f () RETURNS int READS SQL DATA RETURN (SELECT max(amount) FROM purchases);
-- == a column that is renamed by hint is named by views and triggers
-- tidegate:rename t.b -> a
CREATE TABLE t (id int PRIMARY KEY, a int);
CREATE VIEW v AS SELECT a AS x FROM t;
CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1;
-- rows
INSERT INTO t (id) VALUES (1);
-- keeps SELECT * FROM v
-- to
-- tidegate:rename t.a -> b
CREATE TABLE t (id int PRIMARY KEY, b int);
CREATE VIEW v AS SELECT b AS x FROM t;
CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 1;
-- == tables made of others and by steps
CREATE TABLE a (id int PRIMARY KEY, n varchar(10));
-- to
CREATE TABLE IF NOT EXISTS a (id int PRIMARY KEY, n varchar(10));
CREATE TABLE b LIKE a;
CREATE TABLE c AS SELECT id, n, id + 1 AS m FROM a;
ALTER TABLE c ADD PRIMARY KEY (id), ADD COLUMN x int AFTER id;
CREATE UNIQUE INDEX u ON b (n);
RENAME TABLE c TO d;
CREATE OR REPLACE VIEW v AS SELECT 1 AS one;
CREATE OR REPLACE VIEW v AS SELECT table_name AS t FROM information_schema.tables;
DROP TABLE IF EXISTS nothing;
-- == a key leaves out what rows are no longer parted by
CREATE TABLE t (id int NOT NULL, d date NOT NULL, PRIMARY KEY (id, d)) PARTITION BY RANGE (year(d)) (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE);
-- rows
INSERT INTO t VALUES (1, '2019-05-05'), (2, '2024-05-05');
-- keeps SELECT id, d FROM t ORDER BY id
-- to
CREATE TABLE t (id int NOT NULL, d date NOT NULL, PRIMARY KEY (id));
-- == columns without versions
-- mariadb it alone keeps versions
CREATE TABLE t (id int PRIMARY KEY, a int WITHOUT SYSTEM VERSIONING, b varchar(5) DEFAULT 'x') WITH SYSTEM VERSIONING;
CREATE TABLE u (id int PRIMARY KEY, a int);
-- rows
INSERT INTO t VALUES (1, 2, 'y');
-- keeps SELECT id, a, b FROM t
-- to
CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(9) DEFAULT 'x' WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING;
CREATE TABLE u (id int PRIMARY KEY, a int WITHOUT SYSTEM VERSIONING, b int WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING;
-- == a nameless foreign key keeps its index when it comes back
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int, b int, FOREIGN KEY (a) REFERENCES p (id), FOREIGN KEY (b) REFERENCES p (id));
-- rows
INSERT INTO p VALUES (1);
INSERT INTO c VALUES (1, 1);
-- keeps SELECT a, b FROM c
-- to
CREATE TABLE p (id bigint PRIMARY KEY);
CREATE TABLE c (a bigint, b bigint, FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE, FOREIGN KEY (b) REFERENCES p (id));
-- == what a foreign key does not do, in other words
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int, CONSTRAINT c_p FOREIGN KEY (a) REFERENCES p (id) ON DELETE NO ACTION ON UPDATE RESTRICT);
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int, b int, CONSTRAINT c_p FOREIGN KEY (a) REFERENCES p (id) ON DELETE RESTRICT ON UPDATE NO ACTION);
-- == an invisible index
-- mysql INVISIBLE is its word, IGNORED is MariaDB's
CREATE TABLE t (a int, b int, KEY i (a), KEY j (b) INVISIBLE);
-- to
CREATE TABLE t (a int, b int, KEY i (a) INVISIBLE, KEY j (b));
-- == an index of an expression
-- mysql it alone has them
CREATE TABLE t (a int, b varchar(20), KEY i ((a + 1)));
-- to
CREATE TABLE t (a int, b varchar(20), KEY i ((a + 2) DESC, b), UNIQUE u ((concat(b, 'it''s'))));
-- == expressions as defaults of texts
-- mysql it takes nothing else for them
CREATE TABLE t (a text, b json DEFAULT (json_array()));
-- to
CREATE TABLE t (a text DEFAULT (concat('it''s \\ ', 'b')), b json DEFAULT (json_object('k', 1)), c binary(16) DEFAULT (uuid_to_bin('6ccd780c-baba-1026-9564-5b8c656024db')));
-- == letters beyond ASCII in expressions
-- mysql it gives each of their bytes as a letter
CREATE TABLE t (`größe` varchar(9), a varchar(9) DEFAULT (concat('ä', '€')), g varchar(30) AS (concat(`größe`, 'ü')), CONSTRAINT k CHECK (`größe` <> 'ß'), KEY i ((concat(`größe`, 'é'))));
-- rows
INSERT INTO t (`größe`, a) VALUES ('ö', 'x');
-- keeps SELECT g, a FROM t
-- to
CREATE TABLE t (`größe` varchar(9), a varchar(9) DEFAULT (concat('ä', '€')), g varchar(30) AS (concat(`größe`, 'ü')), b int, CONSTRAINT k CHECK (`größe` <> 'ß' AND `größe` <> '€'), KEY i ((concat(`größe`, 'é', 'è'))));
-- == what reads a column that is renamed by hint
-- mysql it renames none that a check or an index reads
-- tidegate:rename t.c -> a
CREATE TABLE t (id int PRIMARY KEY, a int, CONSTRAINT k CHECK (a > 0), KEY i ((a + 1)), KEY j (a));
-- rows
INSERT INTO t VALUES (1, 5);
-- keeps SELECT id FROM t
-- to
-- tidegate:rename t.a -> c
CREATE TABLE t (id int PRIMARY KEY, c int, CONSTRAINT k CHECK (c > 0), KEY i ((c + 1)), KEY j (c));
-- == bytes as defaults
-- mysql it gives them as digits
CREATE TABLE t (a varbinary(8) DEFAULT 'ab', b varchar(8) DEFAULT '0x6162');
-- to
CREATE TABLE t (a varbinary(8) DEFAULT 'abc', b varchar(8) DEFAULT '0x61', c varbinary(8) DEFAULT '', d binary(4) NOT NULL DEFAULT '');
-- == keys that say how they are parts of a partition, and the primary key's columns
-- mysql it says the one in a comment of its own, and the other nowhere
CREATE TABLE t (a int NOT NULL PRIMARY KEY, b int);
CREATE TABLE u (a int);
-- rows
INSERT INTO t VALUES (1, 2);
-- keeps SELECT * FROM t
-- to
CREATE TABLE t (a int NOT NULL PRIMARY KEY, b int) PARTITION BY KEY () PARTITIONS 3;
CREATE TABLE u (a int) PARTITION BY LINEAR KEY ALGORITHM = 1 (a) PARTITIONS 2;
-- == a check that is not enforced
-- mysql it alone has them
CREATE TABLE t (a int, CONSTRAINT x CHECK (a > 0) NOT ENFORCED, CONSTRAINT y CHECK (a > 1));
-- to
CREATE TABLE t (a int, CONSTRAINT x CHECK (a > 0), CONSTRAINT y CHECK (a > 1) NOT ENFORCED);
-- == a place in a system of coordinates
-- mysql SRID is its word
CREATE TABLE t (a point NOT NULL SRID 4326);
-- to
CREATE TABLE t (a point NOT NULL SRID 4326, SPATIAL KEY s (a));
-- == what was computed when it was read is written by hand
CREATE TABLE t (a int, v int AS (a + 1) VIRTUAL, b int, KEY i (v));
-- rows
INSERT INTO t (a, b) VALUES (1, 2), (5, NULL);
-- keeps SELECT a, v, b FROM t
-- to
CREATE TABLE t (a int, v bigint, b int, KEY i (v));
-- == a check of a column that is computed in another way
-- loses
CREATE TABLE t (a int, v int AS (a + 1) VIRTUAL, w int, s int AS (a + 2) STORED, CONSTRAINT c CHECK (v > a), CONSTRAINT d CHECK (w > 0), CONSTRAINT e CHECK (s > a));
-- rows
INSERT INTO t (a, w) VALUES (1, 2);
-- keeps SELECT a, v, s FROM t
-- to
CREATE TABLE t (a int, v int AS (a + 1) STORED, w int AS (a + 1) VIRTUAL, s int AS (a + 2) VIRTUAL, CONSTRAINT c CHECK (v > a), CONSTRAINT d CHECK (w > 0), CONSTRAINT e CHECK (s > a));
-- == times and numbers that NULL silently becomes
-- mariadb MySQL refuses to make them of NULL
-- loses
CREATE TABLE t (a timestamp NULL, b int, n int, KEY (n));
-- rows
INSERT INTO t VALUES (NULL, 1, NULL);
-- keeps SELECT b FROM t
-- to
CREATE TABLE t (a timestamp NOT NULL DEFAULT '2020-01-01 00:00:00', b int, n int NOT NULL AUTO_INCREMENT, KEY (n));
-- == partitions go, and a foreign key comes
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, n int) PARTITION BY HASH (id) PARTITIONS 3;
-- rows
INSERT INTO p VALUES (5);
INSERT INTO t VALUES (1, 5), (2, NULL);
-- keeps SELECT id, n FROM t ORDER BY id
-- to
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, n int, CONSTRAINT tp FOREIGN KEY (n) REFERENCES p (id));
-- == a sequence takes the name of a table, and a table that of a sequence
-- mariadb MySQL has no sequences
-- loses
CREATE TABLE a (id int PRIMARY KEY);
CREATE SEQUENCE b;
CREATE TABLE c (id int PRIMARY KEY DEFAULT nextval(b));
-- rows
INSERT INTO c VALUES (7);
-- keeps SELECT id FROM c
-- to
CREATE SEQUENCE a;
CREATE TABLE b (id int PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY DEFAULT nextval(a));
