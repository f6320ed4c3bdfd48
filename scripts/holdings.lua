-- A user's live bookings of an event, joined in front of the scripts that change
-- them. They form a chain, oldest first, so that adding one, or taking out the
-- oldest or one from the middle, costs the same however many there are.
--
-- Fields of the event's hash:
--   @user     tickets:oldest  or  tickets:oldest:newest, ids of bookings
--   >id, <id  the user's next younger and next older live booking
--
-- All confirmed bookings of a user come before all waiting ones, since nobody
-- overtakes: the oldest of the chain is the oldest confirmed one if there is any.

local function read_holding(holding)
  local tickets, oldest, newest = string.match(holding or '', '^(%d+):([^:]+):?(.*)$')
  if newest == '' then newest = oldest end
  return tonumber(tickets) or 0, oldest, newest
end

local function write_holding(tickets, oldest, newest)
  local holding = string.format('%d', tickets) .. ':' .. oldest
  if newest == oldest then return holding end
  return holding .. ':' .. newest
end
