// make_calendar_vectors.js - writes calendar.json: every Jalali year from 1278 to 1499 as ICU has it.
// Run: node tests/vectors/make_calendar_vectors.js > tests/vectors/calendar.json
//
// Each day is asked of ICU (Intl, calendar "persian"). A row is [year, days from 2024-01-01 to
// 1 Farvardin, lengths of its twelve months]. Only making the file needs node; the test does not.
const format = new Intl.DateTimeFormat("en-u-ca-persian",
  {year: "numeric", month: "numeric", day: "numeric", timeZone: "UTC"});
const jalali = day => {
  const part = {};
  for (const p of format.formatToParts(new Date(Date.UTC(2024, 0, 1 + day)))) part[p.type] = p.value;
  return [Number(part.year), Number(part.month), Number(part.day)];
};
const rows = [];
let day = -45580;
while (String(jalali(day)) !== "1278,1,1") {
  day += 1;
  if (day > -45000) throw new Error("1 Farvardin 1278 not found");
}
for (let year = 1278; year <= 1499; year += 1) {
  const row = [year, day, []];
  for (let month = 1; month <= 12; month += 1) {
    let length = 0;
    while (String(jalali(day)) === String([year, month, length + 1])) {
      length += 1;
      day += 1;
    }
    row[2].push(length);
  }
  rows.push(row);
}
if (String(jalali(day)) !== "1500,1,1") throw new Error("a day is out of order");
console.log('{\n "made_by": "make_calendar_vectors.js, ICU ' + process.versions.icu + '",\n "years": [\n' +
  rows.map(row => "  " + JSON.stringify(row)).join(",\n") + "\n ]\n}");
