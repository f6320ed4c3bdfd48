-- Entries of an event's log, joined in front of the scripts that write or read it. The
-- entry of version v is item v - 1 of the list, so nothing can be missing unnoticed.
--
-- The entry of a booking is its short id alone: its record tells the rest, and never
-- changes in that. Every other entry is kind|at|rest, at in milliseconds since 1970:
--
--   E|at|by                 the event was created; by is the name of the API key that
--                           asked, or empty
--   U|at|{by, settings}     its settings were changed: JSON, with those that were changed
--   X|at|booking|promoted   a booking was cancelled, and this promoted others: their short
--                           ids in order, with commas between them
--   P|at|promoted           bookings were promoted in a step of their own

local function log_entry(kind, at, ...) return table.concat({kind, string.format('%d', at), ...}, '|') end

-- Returns the booking that an entry is of, or nil if it is of another kind.
local function booking_of_entry(entry)
  if string.find(entry, '|', 1, true) then return nil end
  return entry
end
