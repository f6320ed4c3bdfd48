-- An event's settings and counters, joined in front of the scripts that use them.
-- Each are one field of its hash, with | between their parts: to read and to write
-- ten fields instead took a fifth of the time of a booking that waits.
--
-- settings   format|state|total|maxPerUser|waitlistLimit|uuid
-- counters   version|confirmed|waiting|lastJoined|lastServed|promotionsDue|latest
--
-- The format is 1. Settings of another one, which a later version of the service made,
-- do not match; a script then answers unknown_format, before its first write.

local SETTINGS = '^1|(%l+)|(%d+)|(%d+)|(%d+)|(.*)$'
local COUNTERS = '^(%d+)|(%d+)|(%d+)|(%d+)|(%d+)|([01])|(.*)$'

-- Both take texts.
local function write_settings(state, total, maxPerUser, waitlistLimit, uuid)
  return '1|' .. state .. '|' .. total .. '|' .. maxPerUser .. '|' .. waitlistLimit .. '|' .. uuid
end

local function write_counters(version, confirmed, waiting, lastJoined, lastServed, promotionsDue, latest)
  return version .. '|' .. confirmed .. '|' .. waiting .. '|' .. lastJoined .. '|' .. lastServed
    .. '|' .. promotionsDue .. '|' .. latest
end
