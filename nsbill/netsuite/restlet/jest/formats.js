/** N/format.parse of users with other date formats than M/D/YYYY. */
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** @returns a stand-in for format.parse; what it cannot read it gives back, as N/format does */
export const pointed = (style) => ({ value }) => {
  const order = style.toUpperCase().match(/MON|M+|D+|Y+/g).map((part) => part[0]);
  const [day, time = '0:00', half] = value.split(' ');
  const parts = day.split(/[./-]/);
  if (parts.length !== 3) {
    return value;
  }
  const found = Object.fromEntries(order.map((letter, index) => [letter, parts[index]]));
  const month = MONTHS.indexOf(found.M) + 1 || Number(found.M);
  const [hour, minute, second = 0] = time.split(':').map(Number);
  const hours = half ? (hour % 12) + (half === 'pm' ? 12 : 0) : hour;
  return new Date(Number(found.Y), month - 1, Number(found.D), hours, minute, second);
};
