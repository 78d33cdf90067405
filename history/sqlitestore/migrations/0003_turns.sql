-- The last attempt of each lane of a gateway to change presence: what comes late of
-- an earlier one is a copy of what has been said again since. See history.Turn.
CREATE TABLE turns (
	gateway BLOB NOT NULL CHECK (length(gateway) = 16),
	lane    INTEGER NOT NULL,
	turn    INTEGER NOT NULL,
	PRIMARY KEY (gateway, lane)
) STRICT, WITHOUT ROWID;
