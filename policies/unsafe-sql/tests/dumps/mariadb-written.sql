CREATE TABLE teams (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, name varchar(50) NOT NULL DEFAULT 'x' COMMENT 'it''s; a name', kind enum('a','b;') DEFAULT 'a', flags set('x','y'), UNIQUE KEY by_name (name)) CHARSET=latin1 COMMENT='all; teams';
CREATE TABLE users (id int AUTO_INCREMENT, email varchar(100) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL, team bigint unsigned, age tinyint unsigned CHECK (age > 0), note longtext, j json, pos point NOT NULL, at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(), dt datetime(6), n int zerofill, tot int AS (age * 2) STORED, vir int GENERATED ALWAYS AS (age + 1) VIRTUAL, b bit(4) DEFAULT b'0', y year, ok bool DEFAULT true, u uuid DEFAULT uuid(), bin binary(16), ip inet6, price decimal(10,2) DEFAULT 0.00, PRIMARY KEY (id), KEY by_age (age DESC, email(10)), FULLTEXT KEY ft (note), SPATIAL KEY sp (pos), CONSTRAINT fk FOREIGN KEY (team) REFERENCES teams (id) ON DELETE CASCADE ON UPDATE SET NULL) CHARACTER SET latin1 ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
CREATE TABLE parth (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 4;
CREATE TABLE ver (a int) WITH SYSTEM VERSIONING;
CREATE TABLE mem (a int) ENGINE=MEMORY;
-- mariadb-dump writes views in executable comments, which are not read.
-- CREATE VIEW v AS SELECT u.id, t.name FROM users u JOIN teams t ON t.id = u.team WHERE t.name <> 'a;b';
DELIMITER //
CREATE TRIGGER tr BEFORE INSERT ON users FOR EACH ROW BEGIN IF NEW.age > 5 THEN SET NEW.note = 'x;y'; END IF; END//
CREATE PROCEDURE p(IN a int) BEGIN DECLARE i INT DEFAULT 0; WHILE i < a DO SET i = i + 1; END WHILE; SELECT CASE WHEN a > 1 THEN 1 ELSE 2 END; END//
CREATE FUNCTION f(a int) RETURNS int DETERMINISTIC RETURN a + 1//
CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO INSERT INTO teams (name) VALUES ('x')//
DELIMITER ;
