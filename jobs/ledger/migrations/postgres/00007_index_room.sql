-- +goose Up

-- That a message was sent takes it out of messages_wake, so its row is not
-- changed in place and the other two indexes get a second entry for it. Messages
-- come in the order of these indexes and fill their pages to nine tenths; with
-- half of a page left the second entries find room next to the first ones. Pages
-- that are full already stay as they are.
ALTER INDEX messages_pkey SET (fillfactor = 50);
ALTER INDEX messages_registration_id_kind_name_revision_key SET (fillfactor = 50);

-- +goose Down
ALTER INDEX messages_registration_id_kind_name_revision_key RESET (fillfactor);
ALTER INDEX messages_pkey RESET (fillfactor);
