// One program of tests/applications: date-fns, asked as asks.json says, here and on workerd. Must answer the same whenever it is asked the same.
import { addBusinessDays, addMonths, differenceInCalendarDays, eachDayOfInterval, endOfMonth, format, formatDistance, formatDuration, formatISO, formatRelative, getISOWeek, intervalToDuration, isValid, parse, parseISO, startOfWeek, sub } from "date-fns";
import { de, fr, ja } from "date-fns/locale";
const date = new Date(Date.UTC(2024, 1, 29, 13, 45, 30, 123));
var date_fns_default = { fetch() {
  return Response.json({ a: format(date, "yyyy-MM-dd'T'HH:mm:ss.SSSxxx EEEE do MMMM QQQ w I t B"), b: [de, fr, ja].map((locale) => format(date, "PPPPpppp", { locale })), c: formatDistance(date, addMonths(date, 3), { addSuffix: true }), d: formatRelative(sub(date, { days: 2 }), date, { locale: de }), e: eachDayOfInterval({ start: date, end: addBusinessDays(date, 3) }), f: [getISOWeek(date), differenceInCalendarDays(endOfMonth(date), startOfWeek(date))], g: parse("3 März 2021", "d MMMM yyyy", new Date(0), { locale: de }), h: isValid(parseISO("2024-13-01")), i: formatDuration(intervalToDuration({ start: 0, end: 123456789 })), j: formatISO(date), k: String(date), l: date.toString(), m: [date.toDateString(), date.toUTCString(), date.getTimezoneOffset()] });
} };
export {
  date_fns_default as default
};
