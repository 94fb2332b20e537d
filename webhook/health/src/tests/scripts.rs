//! What scripts may do, what odd answers mean, and how hostile ones end.

use super::{all, shown, yaml};
use crate::Customizations;

const OBJECT: &str = "{apiVersion: x.io/v1, kind: X, metadata: {name: n}, spec: {replicas: 3, ratio: 0.5, list: [1, null, x], empty: [], none: null, map: {}, yes: true}}";

fn run(script: &str, open_libs: bool) -> String {
    let mut data = serde_json::json!({"resource.customizations.health.x.io_X": script});
    if open_libs {
        data["resource.customizations.useOpenLibs.x.io_X"] = "true".into();
    }
    let config_map = serde_json::json!({"kind": "ConfigMap", "data": data});
    shown(
        &yaml(OBJECT),
        &Customizations::from_config_map(&config_map).expect("settings"),
    )
}

#[track_caller]
fn check(open_libs: bool, cases: &[(&str, &str)]) {
    all(cases.iter().map(|(script, expected)| {
        (
            (*script).to_owned(),
            run(script, open_libs),
            (*expected).to_owned(),
        )
    }));
}

/// The expression's value, as text.
#[track_caller]
fn values(open_libs: bool, cases: &[(&str, &str)]) {
    all(cases.iter().map(|(expression, expected)| {
        let script = format!("return {{status = 'Healthy', message = tostring({expression})}}");
        (
            (*expression).to_owned(),
            run(&script, open_libs),
            format!("Healthy: {expected}"),
        )
    }));
}

#[test]
fn objects_as_scripts_see_them() {
    values(
        false,
        &[
            ("obj.spec.replicas", "3"),
            ("obj.spec.ratio", "0.5"),
            ("'is ' .. obj.spec.replicas + 1", "is 4"),
            ("#obj.spec.list", "2"),
            ("obj.spec.list[2]", "x"),
            ("#obj.spec.empty", "0"),
            ("next(obj.spec.map)", "nil"),
            ("obj.spec.none", "nil"),
            ("obj.spec.yes", "true"),
            ("obj.status", "nil"),
            ("table.getn(obj.spec.list)", "2"),
            ("table.concat(obj.spec.list, '-')", "1-x"),
            (
                "tostring(2^31) .. ' ' .. tostring(1e15)",
                "2147483648 1e+15",
            ),
            ("select('#', unpack(obj.spec.list))", "2"),
            ("require('os').time()", "1700000000"),
            (
                "require('os').date('!%Y-%m-%dT%H:%M:%SZ', 0)",
                "1970-01-01T00:00:00Z",
            ),
            (
                "require('json').decode('{\"a\": [1, {\"b\": \"c\"}]}').a[2].b",
                "c",
            ),
            ("(require('json').decode('[]'))[1]", "nil"),
            (
                "select(2, require('json').decode('{'))",
                "EOF while parsing an object at line 1 column 1",
            ),
            ("(pcall(error, 'x'))", "false"),
            ("type(setmetatable({}, {}))", "table"),
        ],
    );
    check(
        false,
        &[(
            "for i = 1, 3 do if i < 3 then goto continue end do return {status = 'Healthy', message = i .. ''} end ::continue:: end",
            "Healthy: 3",
        )],
    );
}

#[test]
fn libraries() {
    values(
        true,
        &[
            ("('a1b22'):gsub('%d+', '<%0>')", "a<1>b<22>"),
            ("('a=1, b=2'):gsub('(%w+)=(%w+)', '%2=%1')", "1=a, 2=b"),
            ("('abc'):gsub('.', {a = 'x', b = false})", "xbc"),
            (
                "('abc'):gsub('%w', function(c) return c:upper() end, 2)",
                "ABc",
            ),
            ("('abc'):gsub('', '-')", "-a-b-c-"),
            ("('hello'):find('l')", "3"),
            ("('a.b'):find('.', 1, true)", "2"),
            ("('hello'):find('xyz')", "nil"),
            ("('hello'):find('', 10)", "nil"),
            ("('hello'):match('^(h)(.-)(o)$')", "h"),
            ("('hello'):match('()ll()')", "3"),
            ("('key = value'):match('^(%w+)%s*=%s*(%w+)$')", "key"),
            ("('f(a(b)c)d'):match('%b()')", "(a(b)c)"),
            ("('THE (quick) fox'):find('%f[%a]%a+%f[%A]')", "1"),
            ("('aa bb'):match('(%a)%1')", "a"),
            ("('x-1'):match('[%w-]+')", "x-1"),
            ("('a]b'):match('[]]')", "]"),
            ("('abc'):match('[^a-b]')", "c"),
            ("('abc'):find('b', -2)", "2"),
            (
                "(function() local r = {} for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do r[#r + 1] = k .. v end return table.concat(r, ';') end)()",
                "a1;b2",
            ),
            ("string.format('%d %s %5.2f', 3, 'a', 1.5)", "3 a  1.50"),
            ("math.floor(2.7)", "2"),
            (
                "os.time({year = 2024, month = 2, day = 30, hour = 0})",
                "1709251200",
            ),
            ("os.time({year = 1970, month = 1, day = 1, hour = 0})", "0"),
            ("os.date('*t', 86400).day", "2"),
            ("require('string') == string", "true"),
        ],
    );
    check(
        true,
        &[
            (
                "return ('x'):find('[a')",
                "Unknown: malformed pattern (missing ']')",
            ),
            (
                "return ('x'):find('%')",
                "Unknown: malformed pattern (ends with '%')",
            ),
            ("return ('x'):find('(')", "Unknown: unfinished capture"),
            (
                "return ('x'):gsub('x', '%2')",
                "Unknown: invalid capture index",
            ),
            (
                "return ('x'):gsub('x', function() return {} end)",
                "Unknown: invalid replacement value (a table)",
            ),
            ("return require('io')", "Unknown: module io not found"),
        ],
    );
}

#[test]
fn nothing_reaches_out() {
    for open_libs in [false, true] {
        values(
            open_libs,
            &[
                ("io", "nil"),
                ("debug", "nil"),
                ("package", "nil"),
                ("load", "nil"),
                ("loadstring", "nil"),
                ("loadfile", "nil"),
                ("dofile", "nil"),
                ("coroutine", "nil"),
                ("jit", "nil"),
                ("ffi", "nil"),
                ("newproxy", "nil"),
                ("module", "nil"),
                ("(print('x'))", "nil"),
                (
                    "os and (os.getenv or os.execute or os.exit or os.remove)",
                    "nil",
                ),
                ("string and string.dump", "nil"),
            ],
        );
    }
}

#[test]
fn answers() {
    check(
        false,
        &[
            ("return {status = 'Healthy'}", "Healthy"),
            (
                "return {status = 'Degraded', message = 'm', extra = {1, {a = 2}}}",
                "Degraded: m",
            ),
            (
                "return {Status = 'Suspended', MESSAGE = 'm'}",
                "Suspended: m",
            ),
            ("return {status = 'Missing'}", "Missing"),
            (
                "return {status = 'healthy'}",
                "Unknown: Lua returned an invalid health status",
            ),
            (
                "return {message = 'm'}",
                "Unknown: Lua returned an invalid health status",
            ),
            ("return", "nothing"),
            ("local hs = {}", "nothing"),
            ("return nil", "nothing"),
            ("return {}", "nothing"),
            ("return {'Healthy'}", "nothing"),
            ("return {status = 5}", "nothing"),
            ("return {status = 'Healthy', message = 5}", "nothing"),
            (
                "return 1",
                "Unknown: expect table output from Lua script, not number",
            ),
            (
                "return 'Healthy'",
                "Unknown: expect table output from Lua script, not string",
            ),
            (
                "return true",
                "Unknown: expect table output from Lua script, not boolean",
            ),
            (
                "return function() end",
                "Unknown: expect table output from Lua script, not function",
            ),
            (
                "return {status = 'Healthy'}, 1",
                "Unknown: expect table output from Lua script, not number",
            ),
            (
                "return {status = 'Healthy', [1] = 2}",
                "Unknown: cannot encode mixed or invalid key types",
            ),
            ("return {[2] = 'x'}", "Unknown: cannot encode sparse array"),
            (
                "return {status = 'Healthy', f = function() end}",
                "Unknown: cannot encode function to JSON",
            ),
            (
                "local t = {} t.t = t return t",
                "Unknown: cannot encode recursively nested tables to JSON",
            ),
            (
                "local t = {} for i = 1, 1000 do t = {t} end return {status = t}",
                "Unknown: cannot encode recursively nested tables to JSON",
            ),
            (
                "return {status = 'Healthy', n = 0/0}",
                "Unknown: json: unsupported value",
            ),
        ],
    );
}

#[test]
fn errors() {
    check(
        false,
        &[
            ("error('boom')", "Unknown: <string>:1: boom"),
            ("error('boom', 0)", "Unknown: boom"),
            (
                "\nlocal x = nil\nreturn x.y",
                "Unknown: <string>:3: attempt to index local 'x' (a nil value)",
            ),
            (
                "error(setmetatable({}, {__tostring = function() return 'mine' end}))",
                "Unknown: mine",
            ),
            ("x = = 1", "Unknown: <string>:1: unexpected symbol near '='"),
            (
                "return ('x'):upper()",
                "Unknown: <string>:1: attempt to index a string value",
            ),
        ],
    );
    assert!(run("error({code = 1})", false).starts_with("Unknown: table"));
    let bytecode = run("\u{1b}LJ\u{2}", false);
    assert!(bytecode.starts_with("Unknown: "), "{bytecode}");
}

#[test]
fn hostile_scripts_end() {
    const STEPS: &str = "Unknown: <string>: stopped after 5000000 steps; a health script looks at one object and returns";
    check(
        true,
        &[
            ("while true do end", STEPS),
            (
                "local function f() while true do end end while true do pcall(f) end",
                STEPS,
            ),
            (
                "local function f() while true do end end while true do xpcall(f, f) end",
                STEPS,
            ),
            (
                "pcall(function() while true do end end) return {status = 'Healthy'}",
                STEPS,
            ),
            ("local function f() return f() end return f()", STEPS),
            (
                "local function f() return 1 + f() end return f()",
                "Unknown: stack overflow",
            ),
            (
                "local function f() pcall(f) end f() return {status = 'Healthy'}",
                "Healthy",
            ),
            (
                "local function f() table.sort({1, 2, 3}, f) return true end f()",
                "Unknown: stack overflow",
            ),
            (
                "local function f(x) return (x:gsub('.', f)) end f('a')",
                "Unknown: stack overflow",
            ),
            (
                "local t = setmetatable({}, {__tostring = function(x) return string.format('%s', x) end}) return tostring(t)",
                "Unknown: stack overflow",
            ),
            (
                "local t = setmetatable({}, {__index = function(t, k) return t[k] end}) return t.x",
                "Unknown: stack overflow",
            ),
            (
                "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x",
                "Unknown: <string>:1: loop in gettable",
            ),
            ("return string.rep('x', 1e9)", "Unknown: not enough memory"),
            (
                "local s = 'x' while true do s = s .. s end",
                "Unknown: not enough memory",
            ),
            (
                "local t = {} while true do t[#t + 1] = string.rep('x', 1e6) end",
                STEPS,
            ),
            ("while true do pcall(string.rep, 'x', 2^22) end", STEPS),
            ("return ('a'):rep(5000):find('.-.-.-.-.-b')", STEPS),
            (
                "return ('a'):rep(30):find(('a?'):rep(30) .. ('a'):rep(30))",
                STEPS,
            ),
            (
                "local s = ('a'):rep(1e6) while true do s:upper() end",
                STEPS,
            ),
            (
                "local t = {} for i = 1, 1e4 do t[i] = i end while true do table.sort(t) end",
                STEPS,
            ),
            (
                "local t = {} for i = 1, 1e4 do t[i] = i end while true do table.insert(t, 1, 1) end",
                STEPS,
            ),
            (
                "return ('a'):rep(300):match(('('):rep(300))",
                "Unknown: too many captures",
            ),
            (
                "return ('x'):rep(1e6):gsub('x', ('y'):rep(1e4))",
                "Unknown: not enough memory",
            ),
            ("string.find(('a'):rep(1e5), '.-.-.-b')", STEPS),
            ("return ('('):rep(1e5):match('%b()%b()%b()')", STEPS),
        ],
    );
}

/// In C, where no hook looks: each must be quick by itself.
#[test]
fn long_calls_end() {
    let ends = |script: &str| {
        let said = run(script, true);
        assert!(
            said == "nothing" || said.starts_with("Unknown: ") || said.starts_with("Healthy"),
            "{script}: {said}"
        );
    };
    for script in [
        "return {status = 'Healthy', message = string.format('%99999999d', 1)}",
        "return {status = 'Healthy', message = string.format('%99.99999f', 1)}",
        "return {status = 'Healthy', message = string.format(('%99d'):rep(1e5), unpack({}, 1, 1e5))}",
        "local t = {} for i = 1, 1e5 do t[i] = ('x'):rep(1e3) end return {status = 'Healthy', message = table.concat(t)}",
        "return {status = 'Healthy', message = table.concat({}, 'x', 1, 1e9)}",
        "return select('#', unpack({}, 1, 1e8))",
        "table.sort(setmetatable({}, {__index = function() return 1 end, __len = function() return 1e9 end}))",
        "local t = {} for i = 1, 1e6 do t[i] = {} end return {status = 'Healthy'}",
        "local t = {} t[1e9] = 1 return {status = 'Healthy', message = #t .. ''}",
        "getmetatable('').__index = function() while true do end end return (''):x()",
        "getmetatable('').__index = nil return ('x'):rep(3)",
        "string.rep = nil string = nil return {status = 'Healthy'}",
        "return {status = 'Healthy', message = tostring(setmetatable({}, {__tostring = function() return ('x'):rep(1e9) end}))}",
        "setmetatable(_G, {__index = function(_, k) return _G[k] end}) return nothing",
        "return setmetatable({}, {__index = function() while true do end end})",
        "local t = {} t.t = t return t",
        "local f = function() end for i = 1, 250 do local g = f f = function() return g() + 1 end end return f()",
        "while true do local ok = pcall(pcall, pcall, error) end",
        "return {status = 'Healthy', message = os.date(('%c'):rep(1e6))}",
        "return {status = 'Healthy', message = os.time({year = 1e308, month = 1e308, day = -1e308}) .. ''}",
        "return {status = 'Healthy', message = ('x'):byte(-1e9, 1e9) .. ''}",
        "return {status = 'Healthy', message = string.char(unpack({}, 1, 1e6))}",
        "math.random(0) math.randomseed(1e308) return {status = 'Healthy', message = math.fmod(1, 0) .. ''}",
        "for _ in ('x'):rep(1e6):gmatch('') do end return {status = 'Healthy'}",
        "return ('%'):rep(1e5):gsub('%%', '%%%%')",
    ] {
        ends(script);
    }
}

#[test]
fn long_messages_are_cut() {
    let message = run(
        "return {status = 'Healthy', message = ('é'):rep(40000)}",
        true,
    );
    assert!(
        message.ends_with('…') && message.len() < 33_000,
        "{}",
        message.len()
    );
}

#[test]
fn the_caller_can_stop_a_script() {
    let mut customizations = Customizations::default();
    customizations.add_shipped("x.io/X", "while true do end");
    let surroundings = crate::Surroundings {
        stop: std::sync::Arc::new(|| true),
        ..crate::Surroundings::at(jiff::Timestamp::UNIX_EPOCH)
    };
    let error = crate::assess(&yaml(OBJECT), &customizations, &surroundings).expect_err("stopped");
    assert_eq!(error.to_string(), "<string>: context deadline exceeded");
}
