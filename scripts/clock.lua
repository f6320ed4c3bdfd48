-- The shard's clock, joined in front of the scripts that stamp what they write. The
-- argument overrides it, in tests only.

local function now_millis(override)
  if override ~= '' then return tonumber(override) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
