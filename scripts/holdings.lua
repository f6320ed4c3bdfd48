-- A user's live (confirmed or waiting) bookings of an event, joined in front of the scripts
-- that change them. They form a chain, so that adding a booking, or removing the oldest or one
-- from the middle, costs the same however long the chain is.
--
-- In the event's hash, `@user` is the user's holding: tickets:oldest or tickets:oldest:newest,
-- where oldest and newest are short ids, or empty if no live booking is left. `>id` is the
-- same user's next younger live booking. The next older one is in the booking's record.
--
-- Since nobody overtakes, all confirmed bookings of a user come before all waiting ones. So
-- the oldest of the chain is the oldest confirmed booking, if there is one.

-- Returns the tickets, the oldest and the newest booking of a holding, or nil if the text is
-- not a holding. For a user without live bookings these are 0, '' and ''.
local function read_holding(text)
  if not text or text == '' then return 0, '', '' end
  local tickets, oldest, newest = string.match(text, '^(%d+):([^:]+):?([^:]*)$')
  if newest == '' then newest = oldest end
  return number_of(tickets), oldest, newest
end

local function write_holding(tickets, oldest, newest)
  if oldest == newest then return string.format('%d:%s', tickets, oldest) end
  return string.format('%d:%s:%s', tickets, oldest, newest)
end
