-- Notes of the shift log travel on the topic of deliveries and are rows of its table: what its comments said of trips is not true of them.
ALTER TABLE deliveries
  COMMENT COLUMN type 'such as trip.assigned, delivery.delivered or note.posted; unreadable: the bytes are not an event',
  COMMENT COLUMN trip_id 'the ordered stops of one courier; empty: a note of the shift log, or unreadable',
  COMMENT COLUMN version 'of the trip, rising with every change of it; the same one twice is a repeat; 0: a note';
