-- A user's live bookings of an event, joined in front of the scripts that change
-- them. They form a chain, so that adding one, or taking out the oldest or one from
-- the middle, costs the same however many there are.
--
-- In the event's hash: `@user` is tickets:oldest or tickets:oldest:newest, short ids of
-- bookings; `>id` is the same user's next younger live booking. The next older one
-- is in the booking's record, and counts unless the booking is the oldest.
--
-- All confirmed bookings of a user come before all waiting ones, since nobody
-- overtakes: the oldest of the chain is the oldest confirmed one if there is any.

local SHORT_ID_LENGTH = 14

local function read_holding(holding)
  local newest = string.sub(holding, -SHORT_ID_LENGTH)
  local rest = string.sub(holding, 1, -SHORT_ID_LENGTH - 2)
  if #rest < SHORT_ID_LENGTH then return tonumber(rest), newest, newest end
  return tonumber(string.sub(rest, 1, -SHORT_ID_LENGTH - 2)), string.sub(rest, -SHORT_ID_LENGTH), newest
end

local function write_holding(tickets, oldest, newest)
  local holding = string.format('%d', tickets) .. ':' .. oldest
  if newest == oldest then return holding end
  return holding .. ':' .. newest
end
