-- Notes of the shift log are told to no topic any more, so the comments say again what is true of trips.
ALTER TABLE deliveries
  COMMENT COLUMN type 'such as trip.assigned or delivery.delivered; unreadable: the bytes are not an event',
  COMMENT COLUMN trip_id 'the ordered stops of one courier; empty: unreadable',
  COMMENT COLUMN version 'of the trip, rising with every change of it; the same one twice is a repeat';
