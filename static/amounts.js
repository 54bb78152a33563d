// How much the page keeps, shows and asks for. Nothing here is about machining: that comes from
// the model.

export const KEPT_ROWS = 20000; // samples kept as columns: 11 hours at one in 2 s
export const KEPT_RECORDS = 240; // newest records kept whole; an older one is asked for when it is shown
export const KEPT_ENTRIES = 400; // of the audit trail
export const FIRST_RECORDS = 12; // whole records asked for at the start: enough to show the newest at once
export const FEWEST_EARLIER = 400; // rows of columns in the first piece of what came before
export const MOST_EARLIER = 4000; // and the largest: a poll waits no longer than for one piece

export const RECENT = 180; // samples that a chart shows unless told otherwise
export const FEWEST_SHOWN = 12; // samples that a zoom shows at least
export const TABLE_ROWS = 500; // samples that a table shows at the most
export const ENTRIES_SHOWN = 200; // of the audit trail
export const ANSWERS_SHOWN = 20; // answered requests
export const FARTHEST_LINK = 20000; // sample up to which a link runs a server on
