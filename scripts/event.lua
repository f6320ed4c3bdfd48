-- An event's settings and counters, joined in front of the scripts that use them.
-- Each are one field of its hash, with | between their parts: to read and to write
-- ten fields instead took a fifth of the time of a booking that waits.
--
-- settings   state|total|maxPerUser|waitlistLimit|uuid
-- counters   version|confirmed|waiting|joined|taken|backlog|latest

local SETTINGS = '^(%l+)|(%d+)|(%d+)|(%d+)|(.*)$'
local COUNTERS = '^(%d+)|(%d+)|(%d+)|(%d+)|(%d+)|([01])|(.*)$'

-- Both take texts.
local function write_settings(state, total, maxPerUser, waitlistLimit, uuid)
  return state .. '|' .. total .. '|' .. maxPerUser .. '|' .. waitlistLimit .. '|' .. uuid
end

local function write_counters(version, confirmed, waiting, joined, taken, backlog, latest)
  return version .. '|' .. confirmed .. '|' .. waiting .. '|' .. joined .. '|' .. taken
    .. '|' .. backlog .. '|' .. latest
end
