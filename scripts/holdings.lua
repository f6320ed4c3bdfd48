-- A user's live bookings of an event, joined in front of the scripts that change them.
-- They form a chain, so that adding one, or taking out the oldest or one from the middle,
-- costs the same however many there are.
--
-- In the event's hash: `@user` is tickets:oldest or tickets:oldest:newest, short ids of
-- bookings, or empty if the user has none any more; `>id` is the same user's next younger
-- live booking. The next older one is in the booking's record.
--
-- All confirmed bookings of a user come before all waiting ones, since nobody
-- overtakes: the oldest of the chain is the oldest confirmed one if there is any.

-- Returns tickets, oldest and newest of a holding, or nil if the text is none. A user who
-- has no live booking has no tickets, and '' for both bookings.
local function read_holding(text)
  if not text or text == '' then return 0, '', '' end
  local tickets, oldest, newest = string.match(text, '^(%d+):([^:]+):?([^:]*)$')
  if newest == '' then newest = oldest end
  return tonumber(tickets), oldest, newest
end

local function write_holding(tickets, oldest, newest)
  if oldest == newest then return string.format('%d:%s', tickets, oldest) end
  return string.format('%d:%s:%s', tickets, oldest, newest)
end
