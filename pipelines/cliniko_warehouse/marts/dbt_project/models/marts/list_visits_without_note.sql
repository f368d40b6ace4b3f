{{ visits_without(
  'has_notes',
  "visits.kind = 'individual' and visits.note_status is distinct from 'final'",
  "case when visits.note_status is null then 'no treatment note' when visits.note_status = 'draft' then 'treatment note is a draft' else 'treatment note has ' || visits.note_status end",
  ['note_status'],
) }}
