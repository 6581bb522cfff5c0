// logic_differential.js - random rules and data with what json-logic-js makes of them, for
// test_logic_language. By hand:
//
//   npm install --prefix DIR json-logic-js@2.0.5
//   node tests/fuzz/logic_differential.js DIR 100000 1 > DIR/random.json
//   LOGIC_TESTS=DIR/random.json LOGIC_MAY_REFUSE=1 build/sim-release/test_logic_language
//
// Numbers stay whole, or sixteenths, so that JavaScript's doubles are exact. Results that are no JSON
// (NaN, Infinity, undefined) or no longer exact are left out and counted. The firmware may refuse where
// json-logic-js goes on with NaN or Infinity, but must never give another result.
const jsonLogic = require(process.argv[2] + "/node_modules/json-logic-js");
const count = Number(process.argv[3] || 100000);
let seed = BigInt(process.argv[4] || 1) * 0x9E3779B97F4A7C15n & 0xFFFFFFFFFFFFFFFFn;

function below(n) {
    seed ^= (seed << 13n) & 0xFFFFFFFFFFFFFFFFn;
    seed ^= seed >> 7n;
    seed ^= (seed << 17n) & 0xFFFFFFFFFFFFFFFFn;
    return Number((seed >> 20n) % BigInt(n));
}
const pick = (list) => list[below(list.length)];
const texts = ["", "0", "1", "a", "ab", "abc", "-3", " 7 ", "2x", "وفا", "gold"];
const whole = () => below(4) ? below(21) - 10 : below(2000001) - 1000000;
const scalar = () => [whole, whole, () => pick(texts), () => null, () => below(2) === 1][below(5)]();

function data() {
    const d = {};
    for (const name of ["a", "b", "c", "d"]) {
        if (below(4)) d[name] = scalar();
    }
    if (below(4)) d.s = pick(texts);
    if (below(4)) d.n = whole();
    if (below(4)) d.e = {f: scalar(), g: whole()};
    d.words = Array.from({length: below(4)}, () => pick(texts));
    d.numbers = Array.from({length: below(4)}, whole);
    d.lines = Array.from({length: below(4)}, () => ({k: pick(texts), q: whole()}));
    return d;
}
const path = () => pick(["a", "b", "c", "d", "s", "n", "e.f", "e.g", "zz"]);

function number(depth) {
    if (depth <= 0) return pick([whole, whole, () => ({var: "n"}), () => ({var: ["e.g", whole()]}), () => ({var: path()})])();
    return pick([
        () => ({"+": [number(depth - 1), number(depth - 1), number(depth - 1)].slice(below(3))}),
        () => ({"-": [number(depth - 1), number(depth - 1)].slice(below(2))}),
        () => ({"*": [number(depth - 1), whole()]}),
        () => ({"%": [number(depth - 1), whole()]}),
        () => ({[pick(["max", "min"])]: [number(depth - 1), number(depth - 1)]}),
        () => ({if: [any(depth - 1), number(depth - 1), number(depth - 1)]}),
        () => number(0),
    ])();
}
const sixteenths = (depth) => below(4) ? number(depth) : {"/": [number(depth - 1), pick([1, 2, 4, 8, 16])]};

function list(depth) {
    return pick([
        () => ({var: pick(["words", "numbers"])}),
        () => [any(depth - 1), any(depth - 1)],
        () => [],
        () => ({merge: [list(depth - 1), any(depth - 1)]}),
        () => ({missing: [path(), path()]}),
        () => ({missing_some: [below(3), [path(), path(), path()]]}),
    ].slice(0, depth > 0 ? 6 : 3))();
}

function any(depth) {
    if (depth <= 0) return pick([scalar, () => ({var: path()}), () => ({var: [path(), scalar()]})])();
    const d = depth - 1;
    return pick([
        () => ({[pick(["==", "===", "!=", "!=="])]: [any(d), any(d)]}),
        () => ({[pick(["<", "<=", ">", ">="])]: [any(d), any(d)]}),
        () => ({[pick(["<", "<=", ">", ">="])]: [sixteenths(d), sixteenths(d)]}),
        () => ({[pick(["<", "<="])]: [number(d), number(d), number(d)]}),
        () => ({[pick(["and", "or"])]: [any(d), any(d), any(d)].slice(below(3))}),
        () => ({[pick(["!", "!!"])]: [any(d)]}),
        () => ({if: [any(d), any(d), any(d), any(d), any(d)].slice(below(5))}),
        () => ({in: [any(d), list(d)]}),
        () => ({in: [pick(texts), pick([{var: "s"}, pick(texts)])]}),
        () => ({[pick(["all", "some", "none"])]: [list(d), {[pick(["==", ">", "<=", "!="])]: [{var: ""}, scalar()]}]}),
        () => ({[pick(["all", "some", "none"])]: [{var: "lines"}, {and: [{">": [{var: "q"}, whole()]},
            {in: [{var: "k"}, texts.slice(below(9))]}]}]}),
        () => ({substr: [{var: ["s", "gold"]}, below(9) - 4, below(9) - 4].slice(0, 2 + below(2))}),
        () => list(d),
        () => sixteenths(d),
        () => any(0),
    ])();
}

const isExact = (v) => Array.isArray(v) ? v.every(isExact) :
    v === null || ["boolean", "string"].includes(typeof v) ||
    (typeof v === "number" && Number.isFinite(v) && Math.abs(v) < 2 ** 39 && v * 16 === Math.trunc(v * 16));
const lines = [];
let left = 0;
while (lines.length < count) {
    const d = data();
    const rule = any(1 + below(4));
    let result;
    try {
        result = jsonLogic.apply(rule, d);
    } catch (e) {
        result = undefined;
    }
    if (isExact(result)) {
        lines.push(JSON.stringify([rule, d, result]));
    } else {
        left += 1;
    }
}
process.stdout.write("[\n" + lines.join(",\n") + "\n]\n");
process.stderr.write(lines.length + " rules, " + left + " left out\n");
