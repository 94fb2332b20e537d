--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: app; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA app;


--
-- Name: citext; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;


--
-- Name: EXTENSION citext; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION citext IS 'data type for case-insensitive character strings';


--
-- Name: pgcrypto; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public;


--
-- Name: EXTENSION pgcrypto; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION pgcrypto IS 'cryptographic functions';


--
-- Name: mood; Type: TYPE; Schema: app; Owner: -
--

CREATE TYPE app.mood AS ENUM (
    'sad',
    'ok'
);


--
-- Name: TYPE mood; Type: COMMENT; Schema: app; Owner: -
--

COMMENT ON TYPE app.mood IS 'x';


--
-- Name: email; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.email AS text NOT NULL
	CONSTRAINT email_check CHECK ((VALUE ~ '@'::text));


--
-- Name: pair; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.pair AS (
	a integer,
	b text
);


--
-- Name: CAST (app.mood AS integer); Type: CAST; Schema: -; Owner: -
--

CREATE CAST (app.mood AS integer) WITH INOUT;


--
-- Name: add(integer, integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.add(a integer, b integer DEFAULT 2) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT
    AS $$select a + b$$;


--
-- Name: FUNCTION add(a integer, b integer); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.add(a integer, b integer) IS 'sum';


--
-- Name: atom(integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.atom(a integer) RETURNS integer
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT a AS a;
 SELECT (a + 1);
END;


--
-- Name: bump(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.bump() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN NEW.at := now(); IF NEW.age < 0 THEN RAISE EXCEPTION 'no; %', NEW.age; END IF; RETURN NEW; END $$;


--
-- Name: tidy(integer); Type: PROCEDURE; Schema: public; Owner: -
--

CREATE PROCEDURE public.tidy(IN days integer)
    LANGUAGE plpgsql
    AS $$ BEGIN PERFORM 1; END $$;


--
-- Name: mysum(integer); Type: AGGREGATE; Schema: public; Owner: -
--

CREATE AGGREGATE public.mysum(integer) (
    SFUNC = int4pl,
    STYPE = integer,
    INITCOND = '0'
);


--
-- Name: ===; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.=== (
    FUNCTION = int4eq,
    LEFTARG = integer,
    RIGHTARG = integer
);


--
-- Name: cfg; Type: TEXT SEARCH CONFIGURATION; Schema: public; Owner: -
--

CREATE TEXT SEARCH CONFIGURATION public.cfg (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR asciiword WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR word WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR numword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR hword_numpart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR hword_part WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR hword_asciipart WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR numhword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR asciihword WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR hword WITH english_stem;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.cfg
    ADD MAPPING FOR uint WITH simple;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: base; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.base (
    a integer
);


--
-- Name: cache; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.cache (
    k text NOT NULL,
    v text
)
WITH (autovacuum_enabled='false');


--
-- Name: child; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.child (
    b integer
)
INHERITS (public.base);


--
-- Name: events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events (
    id integer NOT NULL,
    day date NOT NULL
)
PARTITION BY RANGE (day);


--
-- Name: events_2024; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events_2024 (
    id integer NOT NULL,
    day date NOT NULL
);


--
-- Name: events_default; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events_default (
    id integer NOT NULL,
    day date NOT NULL
);


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id integer NOT NULL,
    email public.email,
    team bigint,
    age integer,
    kind text,
    full_name text GENERATED ALWAYS AS ((kind || 'x'::text)) STORED,
    tags text[] DEFAULT '{}'::text[],
    price numeric(10,2) DEFAULT 0.0,
    ref uuid DEFAULT gen_random_uuid(),
    at timestamp(3) with time zone DEFAULT now(),
    loc text COLLATE pg_catalog."C",
    j jsonb DEFAULT '{}'::jsonb,
    iv interval DEFAULT '1 day'::interval,
    b bit varying(5),
    ts tsvector,
    CONSTRAINT users_age_check CHECK (((age > 0) AND (age < 200))),
    CONSTRAINT users_kind_check CHECK ((kind = ANY (ARRAY['a'::text, 'b'::text])))
);
ALTER TABLE ONLY public.users ALTER COLUMN age SET STATISTICS 500;
ALTER TABLE ONLY public.users ALTER COLUMN loc SET STORAGE EXTERNAL;

ALTER TABLE ONLY public.users REPLICA IDENTITY FULL;


--
-- Name: COLUMN users.age; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.users.age IS 'how; old';


--
-- Name: mv; Type: MATERIALIZED VIEW; Schema: public; Owner: -
--

CREATE MATERIALIZED VIEW public.mv AS
 SELECT count(*) AS count
   FROM public.users
  WITH NO DATA;


--
-- Name: numbers; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.numbers
    AS integer
    START WITH 5
    INCREMENT BY 2
    NO MINVALUE
    MAXVALUE 999
    CACHE 1
    CYCLE;


--
-- Name: rooms; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rooms (
    room integer,
    during tsrange
);


--
-- Name: teams; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.teams (
    id bigint NOT NULL,
    name character varying(50) DEFAULT 'x'::character varying NOT NULL,
    mood app.mood DEFAULT 'ok'::app.mood
);


--
-- Name: teams_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.teams_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: teams_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.teams_id_seq OWNED BY public.teams.id;


--
-- Name: users_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.users_id_seq
    START WITH 100
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: v; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.v AS
 SELECT u.id,
    t.name AS team
   FROM (public.users u
     JOIN public.teams t ON ((t.id = u.team)));


--
-- Name: events_2024; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events ATTACH PARTITION public.events_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');


--
-- Name: events_default; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events ATTACH PARTITION public.events_default DEFAULT;


--
-- Name: teams id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.teams ALTER COLUMN id SET DEFAULT nextval('public.teams_id_seq'::regclass);


--
-- Name: cache cache_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.cache
    ADD CONSTRAINT cache_pkey PRIMARY KEY (k);


--
-- Name: events events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id, day);


--
-- Name: events_2024 events_2024_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_2024
    ADD CONSTRAINT events_2024_pkey PRIMARY KEY (id, day);


--
-- Name: events_default events_default_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events_default
    ADD CONSTRAINT events_default_pkey PRIMARY KEY (id, day);


--
-- Name: rooms rooms_during_excl; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rooms
    ADD CONSTRAINT rooms_during_excl EXCLUDE USING gist (during WITH &&);


--
-- Name: teams teams_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_pkey PRIMARY KEY (id);


--
-- Name: users users_email_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE public.users CLUSTER ON users_pkey;


--
-- Name: users_inc; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX users_inc ON public.users USING btree (kind) INCLUDE (age) WITH (fillfactor='70');


--
-- Name: users_lower; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_lower ON public.users USING btree (lower(loc) text_pattern_ops DESC NULLS LAST) WHERE (age IS NOT NULL);


--
-- Name: users_ts; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_ts ON public.users USING gin (ts);


--
-- Name: events_2024_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.events_pkey ATTACH PARTITION public.events_2024_pkey;


--
-- Name: events_default_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.events_pkey ATTACH PARTITION public.events_default_pkey;


--
-- Name: st; Type: STATISTICS; Schema: public; Owner: -
--

CREATE STATISTICS public.st (dependencies) ON age, kind FROM public.users;


--
-- Name: users users_team_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_team_fkey FOREIGN KEY (team) REFERENCES public.teams(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;


--
-- Name: users; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;

--
-- Name: pub; Type: PUBLICATION; Schema: -; Owner: -
--

CREATE PUBLICATION pub WITH (publish = 'insert, update, delete, truncate');


--
-- Name: pub users; Type: PUBLICATION TABLE; Schema: public; Owner: -
--

ALTER PUBLICATION pub ADD TABLE ONLY public.users;


--
-- PostgreSQL database dump complete
--


