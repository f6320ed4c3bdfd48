-- How a script answers when it has changed nothing, joined in front of the scripts that
-- change events.
--
-- Such an answer, a replay or a refusal, rests on what earlier calls wrote, which may not be
-- on the replicas or on disk yet. Where the service waits for them (acks is 1), it ends each
-- pipeline with WAIT or WAITAOF, and since Redis 7.2 these cover only the last write of their
-- own connection. So the script makes a write of its own, which comes after everything that
-- the answer rests on: it deletes the field `mark`, or sets it if it was missing. HDEL comes
-- first, since a full Redis accepts it, and then the HSET.

local function unchanged(e, acks, answer)
  if acks == '1' and e.markable and redis.call('HDEL', e.key, 'mark') == 0 then
    redis.call('HSET', e.key, 'mark', '')
  end
  return answer
end
