// make_logic_vectors.js - writes logic.json: rules, data, and what json-logic-js makes of them.
//
//   npm install --prefix DIR json-logic-js@2.0.5 && node make_logic_vectors.js DIR > logic.json
//
// json-logic-js is MIT licensed; nothing of it is copied here. Each result must be a number with at most
// four decimals, a text, a boolean, null or a list of such: elsewhere this firmware says no (docs/logic.md).
const jsonLogic = require(process.argv[2] + "/node_modules/json-logic-js");

const a = {a: 1, b: "x", c: null, d: "", e: {f: [5, 6], g: true}, list: [1, 2, 3], words: ["x", "y"],
           pies: [{n: "apple", q: 3}, {n: "plum", q: 0}], zero: 0, no: false, fa: "وفا"};
const rules = [
    // What is true
    ...[0, 1, -1, "", "0", "a", [], [0], [[]], null, true, false, 0.0001].flatMap(
        (v) => [{"!!": [v]}, {"!": [v]}, {if: [v, "yes", "no"]}, {and: [v, 7]}, {or: [v, 7]}]),
    // Each kind with each, by each comparison
    ...["==", "===", "!=", "!==", "<", "<=", ">", ">="].flatMap((op) => {
        const kinds = [0, 1, -2.5, "0", "1", "", " 1 ", "1x", "abc", "abd", "-2.5", "+1", ".5", "5.", null, true, false];
        return kinds.flatMap((x) => kinds.map((y) => ({[op]: [x, y]})));
    }),
    // Between
    ...["<", "<="].flatMap((op) => [[1, 2, 3], [1, 1, 3], [1, 3, 3], [3, 2, 1], ["1", 2, "3"], [null, 0, 1],
        ["a", "b", "c"], ["a", "c", "b"]].map((v) => ({[op]: v}))),
    // Sums
    {"+": [1, 2]}, {"+": "3.14"}, {"+": ["1e", 2]}, {"+": ["1.5x", "  2"]}, {"+": [0.1, 0.2]}, {"+": [-1, "-1"]},
    {"-": [5]}, {"-": ["5"]}, {"-": [1, true]}, {"-": [1, null]}, {"-": ["", 2]}, {"-": [2, 3]}, {"-": -0.5},
    {"*": [3, 2]}, {"*": [2, "3", 4]}, {"*": ["7"]}, {"*": [1.5, 1.5]}, {"*": [-0.01, 0.01]},
    {"/": [1, 4]}, {"/": [-7, 2]}, {"/": ["9", 8]}, {"/": [1, 0.5]}, {"/": [null, 3]}, {"/": [1, 8192]},
    {"%": [7, 3]}, {"%": [-7, 3]}, {"%": [7, -3]}, {"%": [5.5, 2]}, {"%": ["9", 4]}, {"%": [1, true]},
    {max: [1, 3, 2]}, {min: [1, 3, 2]}, {max: ["10", 9]}, {min: [null, 1]}, {max: [true, 0.5]}, {max: [-1]},
    // in
    {in: ["a", "team"]}, {in: ["i", "team"]}, {in: ["", "team"]}, {in: ["", ""]}, {in: [1, [1, 2]]},
    {in: ["1", [1, 2]]}, {in: [null, [null]]}, {in: [true, [1, true]]}, {in: [1, null]}, {in: [1, 5]},
    {in: [{var: "b"}, {var: "words"}]}, {in: ["z", {var: "words"}]}, {in: ["فا", {var: "fa"}]}, {in: [2, {var: "list"}]},
    // var
    {var: "a"}, {var: ["a"]}, {var: ["q", 9]}, {var: "q"}, {var: "c"}, {var: ["c", 9]}, {var: "e.f.1"}, {var: "e.g"},
    {var: ["e.h", "no"]}, {var: ["q", {"+": [1, 2]}]}, {var: {if: [true, "a", "b"]}}, {var: [{if: [false, "a", "zz"]}, 4]},
    // missing
    {missing: ["a", "b"]}, {missing: ["a", "q", "c", "d"]}, {missing: "q"}, {missing: []}, {missing: ["e.f", "e.z"]},
    {missing: {merge: ["a", {if: [{var: "no"}, "x1", ["x2", "x3"]]}]}}, {if: [{missing: ["zero", "no"]}, "lacks", "has"]},
    {missing_some: [1, ["a", "q"]]}, {missing_some: [2, ["a", "q", "c"]]}, {missing_some: [0, ["q"]]}, {missing_some: [3, ["q", "a"]]},
    // if
    {if: []}, {if: [true]}, {if: [false, 1]}, {if: [false, 1, 2]}, {if: [false, 1, true, 2, 3]}, {"?:": [0, 1, 2]},
    {if: [{var: "no"}, 1, {var: "zero"}, 2, {var: "d"}, 3, 4]},
    // lists
    {merge: []}, {merge: [1, [2, 3], []]}, {merge: 1}, {merge: [[1], ["a", null], true]}, [1, {"+": [1, 1]}, "x"],
    {merge: [{var: "list"}, {var: "words"}]},
    ...["all", "some", "none"].flatMap((op) => [
        {[op]: [{var: "list"}, {">": [{var: ""}, 1]}]}, {[op]: [{var: "list"}, {">": [{var: ""}, 0]}]},
        {[op]: [{var: "list"}, {">": [{var: ""}, 9]}]}, {[op]: [[], true]}, {[op]: [{var: "q"}, true]},
        {[op]: [{var: "pies"}, {">": [{var: "q"}, 0]}]}, {[op]: [{var: "pies"}, {in: [{var: "n"}, ["plum", "apple"]]}]},
        {[op]: [{var: "pies"}, {"==": [{var: "a"}, 1]}]}, {[op]: [{var: "words"}, {in: [{var: ""}, "xyz"]}]},
        {[op]: [[[1, 2], [3]], {some: [{var: ""}, {"==": [{var: ""}, 3]}]}]}, {[op]: ["text", true]},
        {[op]: [{merge: [{var: "list"}, 4]}, {"<": [{var: ""}, 5]}]},
    ]),
    // substr
    ...[[4], [-5], [1, 3], [4, -2], [-5, -2], [0, 0], [99], [3, 99], [-99], [0, -99], [1.9], [2, 1.9], [2, -1.5]].map(
        (v) => ({substr: ["jsonlogic", ...v]})), {substr: ["وفاداری", 1, 3]}, {substr: ["وفاداری", -3, -1]}, {substr: ["", 0]},
];
const line = (rule) => {
    const text = JSON.stringify(rule);
    const data = /"var"|"missing/.test(text) ? a : {};
    return JSON.stringify([rule, data, jsonLogic.apply(rule, data)]);
};
process.stdout.write("[\n" + rules.map(line).join(",\n") + "\n]\n");
