// rules.js MODULES FILE - FILE's conditions on FILE's data, by json-logic-js; prints one JSON object.
const fs = require("fs");
const jsonLogic = require(process.argv[2] + "/json-logic-js");
const { conditions, data } = JSON.parse(fs.readFileSync(process.argv[3]));
let held = 0;
function all() {
    held = 0;
    for (const condition of conditions) if (jsonLogic.truthy(jsonLogic.apply(condition, data))) held += 1;
}
for (let i = 0; i < 300; i += 1) all(); // so that it is compiled
const times = [];
for (let i = 0; i < 200; i += 1) {
    const begin = process.cpuUsage();
    all();
    const used = process.cpuUsage(begin);
    times.push(used.user + used.system);
}
times.sort((a, b) => a - b);
console.log(JSON.stringify({ us: times[100], held }));
