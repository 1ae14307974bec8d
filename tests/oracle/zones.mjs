// Local time, and time zones as tables for the driver: those that this machine's database has.
import { existsSync, readFileSync } from 'node:fs';

const formats = new Map();
function formatted(timeZone, option, now) {
  const name = `${timeZone} ${option}`;
  if (!formats.has(name)) {
    const options = option === 'hour' ? { hour: '2-digit', hourCycle: 'h23' } : { weekday: 'short' };
    formats.set(name, new Intl.DateTimeFormat('en-US', { timeZone, ...options }));
  }
  return formats.get(name).format(now);
}

export const hourOf = (timeZone, now) => Number(formatted(timeZone, 'hour', now));
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
export const weekdayOf = (timeZone, now) => 1 + DAYS.indexOf(formatted(timeZone, 'weekday', now));

const FOLDER = process.env.TZDIR ?? '/usr/share/zoneinfo';
const NAMES = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Auckland', 'America/St_Johns'];
export const ZONES = Object.fromEntries(NAMES.filter((name) => existsSync(`${FOLDER}/${name}`))
  .map((name) => [name, readFileSync(`${FOLDER}/${name}`).toString('base64')]));

// The clocks there change within these hours: the Sundays on which, and the hours UTC at which most zones do.
const HOUR = 3600000;
export function changeNear(random) {
  const month = random.pick([2, 3, 8, 9, 10]), year = random.between(1996, 2045);
  const first = new Date(Date.UTC(year, month, 1)).getUTCDay();
  const sunday = Date.UTC(year, month, 1 + ((7 - first) % 7) + 7 * random.below(5));
  return sunday + random.between(-24, 24) * HOUR / 2 + random.pick([-1, 0, 1]);
}
