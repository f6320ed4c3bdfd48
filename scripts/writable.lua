-- Asks whether Redis would accept changes of an event, and changes nothing: each command is one that
-- changes need, and that Redis checks the rights of, and whether it may be run now, before it looks at arguments
-- that it then refuses or that have no effect. A full Redis refuses only the first write of a
-- script, so the one that needs memory comes first.
--
-- KEYS[1]  event           hash; need not exist, as the others
-- KEYS[2]  log             list
-- KEYS[3]  waitlist        list
-- KEYS[4]  withdrawn       sorted set
-- KEYS[5]  deadlines       sorted set
-- Returns  {word, errors}
--   tried    errors are those of the commands, also those about the arguments

local eventKey, logKey, waitlistKey, withdrawnKey, deadlinesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

local errors = {}
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then errors[#errors + 1] = answer.err end
  return answer
end

try('HSET', eventKey, '', '', '') -- a field without a value
try('HDEL', eventKey, '')
try('HMGET', eventKey, 'uuid')
try('EXISTS', eventKey)
try('LINDEX', logKey, '0')
try('LLEN', waitlistKey)
try('LRANGE', waitlistKey, '0', '0')
try('ZCOUNT', withdrawnKey, '1', '0')
try('ZRANGE', deadlinesKey, '0', '0')
try('ZRANGEBYSCORE', deadlinesKey, '1', '0')
if type(try('HGET', eventKey, 'uuid')) == 'string' then try('RPUSH', eventKey, '') end -- not a list
try('LTRIM', logKey, '0', '-1')
try('LTRIM', waitlistKey, '0', '-1')
try('ZADD', withdrawnKey, 'XX', '0', '') -- only if it is there, and it never is
try('ZREMRANGEBYSCORE', withdrawnKey, '1', '0')
try('ZREM', deadlinesKey, '')
try('TIME')
return {'tried', errors}
