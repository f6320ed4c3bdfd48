-- Deadlines of holds and offers, joined in front of the scripts that end or move them. Their short
-- ids are in a sorted set, by deadline in milliseconds since 1970; an entry at infinity keeps the
-- set alive. The counters know the earliest, so that no script asks for it needlessly.

-- Takes the deadline of one booking out of what the counters know.
local function forget_deadline(e, deadlinesKey, booking, deadline)
  if deadline ~= e.deadline then return end
  local first = redis.call('ZRANGE', deadlinesKey, 0, 1, 'WITHSCORES')
  e.deadline = whole_number(first[1] == booking and first[4] or first[2]) or 0
end

local function note_deadline(e, deadline)
  if e.deadline == 0 or deadline < e.deadline then e.deadline = deadline end
end
