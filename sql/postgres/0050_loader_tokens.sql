-- ClickHouse may know a token and have lost its rows. Then the batch goes in under the next one, and who comes later must know that.
ALTER TABLE loader_batches ADD COLUMN tokens smallint NOT NULL DEFAULT 1;
COMMENT ON COLUMN loader_batches.tokens IS 'under how many tokens the rows may have gone in; beyond the first one ClickHouse has lost them each time before';
