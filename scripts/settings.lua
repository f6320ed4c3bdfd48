-- A new event, and how settings and their changes are stored; joined in front of the scripts
-- that write settings.
--
-- In the event's hash, `!id` is what the change of this id came to: the version that it made,
-- a point, and a digest of what it asked for. If it changed nothing, the version is the one at
-- which that was so, and there is an equals sign instead of the point.

local function new_event(eventKey)
  return {
    key = eventKey, log = {},
    version = 0, confirmed = 0, held = 0, waiting = 0, lastJoined = 0, lastServed = 0, promotionsDue = 0, deadline = 0,
  }
end

-- Returns the text of a setting's field, given its value in the JSON of an argument.
local function setting_text(value)
  if type(value) == 'number' then return string.format('%d', value) end
  if type(value) == 'boolean' then return value and '1' or '0' end
  return value
end

local function write_change(version, made, digest)
  return string.format('%d', version) .. (made and '.' or '=') .. digest
end

-- Returns the version and the digest of a change.
local function read_change(text)
  local version, digest = string.match(text, '^(%d+)[.=](.*)$')
  return whole_number(version), digest
end
