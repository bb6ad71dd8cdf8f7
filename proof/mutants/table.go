package main

// mutant is one guarantee removed by one small patch.
type mutant struct {
	guarantee string // of docs/architecture.md
	name      string // what is removed
	file      string
	old, new  string // the patch: old stands in the file exactly once
	pkg       string
	test      string // the test that must fail
}

var table = []mutant{
	{
		"R1", "a hub that is shorter than its mark is served", "broker/mark.go",
		"\tif last < b.mark.Position {", "\tif false {",
		"./proof/exchange", "TestR1BrokerFromAnOldCopyDoesNotServe",
	},
	{
		"R1", "a new epoch is believed whoever signed it", "schemas/epoch.go",
		"e, err := ReadRecord[Epoch](rec, RecordEpoch, admission)", "e, err := PeekRecord[Epoch](rec, RecordEpoch)",
		"./proof/exchange", "TestR1ForgedEpochIsRefused",
	},
	{
		"S1", "a revocation that comes before its grant is forgotten", "broker/internal/registry/registry.go",
		"r.cancelled[rev.Grant] = append(r.cancelled[rev.Grant], early{rec, earlyHash(rec), by})", "r.cancelled[rev.Grant] = r.cancelled[rev.Grant][:0:0]",
		"./broker/internal/registry", "TestS1RevocationInAnyOrder",
	},
	{
		"S1", "a forged copy of a revocation stands for the genuine one", "broker/internal/registry/registry.go",
		"return schemas.HashOf(rec.Encode()) }", "return rec.Hash() }",
		"./broker/internal/registry", "TestS1ForgedCopyOfARevocation",
	},
	{
		"R6", "one member brings revocations of one grant without end", "broker/internal/registry/check.go",
		"\tcase each >= maxEarlyEach:", "\tcase false:",
		"./broker/internal/registry", "TestR6RevocationsOfOneUnknownGrant",
	},
	{
		"S7", "a place is looked at as often as a restored partner says that it lacks it", "agent/internal/outbox/supply.go",
		"max(run.From, next)", "max(run.From, min(next, 1))",
		"./agent/internal/outbox", "TestSupplyAndLetGo",
	},
	{
		"S7", "a partner gets its records back as often as it says that it was restored", "agent/supply.go",
		"\tif last.Count >= maxGiven {", "\tif false {",
		"./proof/exchange", "TestS7RestoredAgainAndAgain",
	},
	{
		"S3", "who comes back with old cards keeps the owner's later ones out", "broker/internal/registry/epoch.go",
		"\t\t\treturn laterCards(member, req.Entry), nil", "\t\t\treturn nil, nil",
		"./broker/internal/registry", "TestS3OldCardsDoNotKeepTheirOwnerOut",
	},
	{
		"S5", "a roll from before a new epoch counts in it", "broker/internal/registry/check.go",
		"roll.Number < floor {", "roll.Number < floor && false {",
		"./broker/internal/registry", "TestReturn",
	},
	{
		"R1", "a broker that could not write goes on as if it could", "broker/internal/transport/logger.go",
		"if strings.HasPrefix(text, notWritten) {", "if false {",
		"./broker/internal/transport", "TestFullDisk",
	},
	{
		"R1", "a disk that loses power keeps everything", "proof/disk/disk.go",
		"if err := c.undo(c.survives(torn)); err != nil {", "if err := error(nil); err != nil {",
		"./proof/disk", "TestWhatWasSyncedStaysAndTheRestIsLost",
	},
	{
		"S1", "a cluster's page is given before it is recorded", "broker/internal/gate/pull.go",
		"\tif g.clustered() {\n\t\treturn g.pageOnRecord", "\tif g.clustered() && false {\n\t\treturn g.pageOnRecord",
		"./broker/internal/gate", "TestS1ReplacedBrokerHandsNothingOver",
	},
	{
		"S1", "a gate decides although it does not lead", "broker/internal/gate/cluster.go",
		"return !g.clustered() || g.term.active() && g.opts.Leads() }", "return !g.clustered() || g.opts.Leads() }",
		"./broker/internal/gate", "TestFollowingGateDecidesNothing",
	},
	{
		"R2", "an event is recorded again when it comes again", "agent/internal/casebook/casebook.go",
		"err != nil || known {\n\t\treturn n, known, err\n\t}", "err != nil {\n\t\treturn n, known, err\n\t}",
		"./proof/exchange", "TestR2NothingHasItsEffectTwice",
	},
	{
		"R2", "an event accepted twice goes twice", "agent/accept.go",
		"\tif known {\n\t\tout.ID, out.Known", "\tif known && false {\n\t\tout.ID, out.Known",
		"./proof/exchange", "TestR2NothingHasItsEffectTwice",
	},
	{
		"R4", "the view follows the order of arrival", "agent/internal/casebook/view.go",
		"return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID), cmp.Compare(a.From, b.From))", "return cmp.Compare(a.Number, b.Number)",
		"./agent/internal/casebook", "TestR4LateTruthCorrects",
	},
	{
		"S1", "the gate forgets revocations", "broker/internal/gate/submit.go",
		"\tif revocation != nil {\n\t\treturn schemas.Refuse(schemas.CodeGrantRevoked", "\tif revocation != nil && false {\n\t\treturn schemas.Refuse(schemas.CodeGrantRevoked",
		"./broker/internal/gate", "TestS1NoEnvelopeWithoutLiveGrant",
	},
	{
		"S1", "the gate does not look whose grant it is", "broker/internal/gate/submit.go",
		"if !ok || grant.Discloser != e.Sender || grant.Recipient != e.Recipient ||", "if !ok ||",
		"./broker/internal/gate", "TestS1NoEnvelopeWithoutLiveGrant",
	},
	{
		"S1", "a page may be handed over while a grant is revoked", "broker/internal/gate/writer.go",
		"\t\tg.handover.Lock()\n\t\tdefer g.handover.Unlock()\n", "",
		"./broker/internal/gate", "TestS1RevocationWaitsForThePage",
	},
	{
		"S1", "a page is not checked again before it is handed over", "broker/internal/gate/pull.go",
		"\tc := check{closed: map[uint64]schemas.Code{}}\n", "\tc := check{closed: map[uint64]schemas.Code{}}\n\trecords = nil\n",
		"./broker/internal/gate", "TestS1RevokedWhileThePageIsRead",
	},
	{
		"S1", "the recipient believes any terms", "agent/internal/inbox/take.go",
		"if err := schemas.MatchTerms(*g.Grant, terms, rec); err != nil {\n\t\treturn err\n\t}", "_ = schemas.MatchTerms",
		"./proof/exchange", "TestS1RecipientRefusesWhatTheGrantDoesNotCover",
	},
	{
		"S1", "the purpose is not compared", "schemas/decide.go",
		"if !t.Has(q.Category, q.Purpose) {", "if false {",
		"./proof/exchange", "TestS1RecipientRefusesWhatTheGrantDoesNotCover",
	},
	{
		"S2", "what is sealed is sent in clear beside it", "schemas/seal.go",
		"return append([]byte{sealVersion}, box...), nil", "return append(append([]byte{sealVersion}, box...), content...), nil",
		"./proof/exchange", "TestS2NothingCanBeReadOutside",
	},
	{
		"S2", "the agent logs what it accepts", "agent/accept.go",
		"\tcrash.Point(crash.AgentAccepted)\n", "\tcrash.Point(crash.AgentAccepted)\n\tm.log.Info(\"accepted\", \"event\", e.String())\n",
		"./proof/exchange", "TestS2NothingCanBeReadOutside",
	},
	{
		"S3", "the account and the claimed sender are not compared", "broker/internal/gate/submit.go",
		"case claim != \"\" && claim != a:", "case false:",
		"./proof/exchange", "TestS3MemberCannotActAsAnother",
	},
	{
		"S3", "signatures are not verified", "schemas/record.go",
		"if !ed25519.Verify(key, pae(string(kind), r.Payload), r.Signatures[0].Sig) {", "if false {",
		"./proof/exchange", "TestS3MemberCannotActAsAnother",
	},
	{
		"R3", "what was taken back is not shown", "agent/status.go",
		"case d.State == outbox.Held || d.State == outbox.Withdrawn:", "case d.State == outbox.Held:",
		"./proof/exchange", "TestR3WithdrawnStaysInSight",
	},
	{
		"R6", "what cannot be taken in stops the page", "agent/internal/inbox/take.go",
		"if refusal != nil && code == \"\" {", "if refusal != nil {",
		"./proof/exchange", "TestR6BadPartnerBlocksNobody",
	},
	{
		"R5", "silence is no stall", "agent/stall.go",
		"silent := p.now.Sub(heard) > stallAfter", "silent := false",
		"./proof/exchange", "TestR5SilentBrokerIsNamed",
	},
	{
		"R5", "a wrong clock is not named", "agent/stall.go",
		"if ahead.Abs() <= time.Minute {", "if true {",
		"./proof/exchange", "TestR5WrongClockIsNamed",
	},
	{
		"S3", "a stolen key counts at the gate", "broker/internal/registry/questions.go",
		"if _, ok := m.Card.Trusted(id); !ok {", "if false {",
		"./proof/exchange", "TestS3StolenKeyCountsForNothing",
	},
	{
		"S3", "an ended key signs cards", "schemas/card.go",
		"if next.KeyID() != KeyIDOf(key) {", "if k, ok := c.Trusted(next.KeyID()); ok {\n\t\tkey = k\n\t} else {",
		"./schemas", "TestEntryCardRefuses",
	},
	{
		"S3", "the machine of a member invited again stays connected", "broker/broker.go",
		"status != schemas.MemberActive, m.Former...)", "status != schemas.MemberActive)",
		"./proof/exchange", "TestS3InvitedAgain",
	},
	{
		"S4", "a damaged record is handed over", "broker/internal/gate/pull.go",
		"if err := g.opts.Holds(records); err != nil {", "if err := g.opts.Holds(nil); err != nil {",
		"./broker/internal/gate", "TestS4DamagedRecordIsWithheld",
	},
	{
		"S4", "the audit does not look at what records hold", "broker/internal/ledger/check.go",
		"errors.Join(r.Sound(), l.leafHolds(&tiles, r, m))", "l.leafHolds(&tiles, r, m)",
		"./broker/internal/ledger", "TestS4AuditFindsWhatTheSampleMissed",
	},
	{
		"S4", "an excerpt is believed without its root", "schemas/ledger_excerpt.go",
		"!w.ended() || root != h.Root", "root != root",
		"./schemas", "TestVectorsLedgerProof",
	},
	{
		"S4", "an entry that the broker leaves out is not missed", "agent/internal/ledgerview/known.go",
		"if !ok && k.Epoch != epoch {", "if !ok {",
		"./agent/internal/ledgerview", "TestS4LeftOutEntryIsFound",
	},
	{
		"S4", "a proof's event may be of another envelope", "schemas/ledger_proof.go",
		`envelope != "" && envelope != first.Envelope`, `envelope == "-"`,
		"./schemas", "TestVectorsLedgerProof",
	},
	{
		"S5", "a late connection of a suspended member stays", "broker/internal/transport/turnout.go",
		"if all || slices.Contains(revoked, c.AuthorizedUser) {", "if slices.Contains(revoked, c.AuthorizedUser) {",
		"./broker/internal/transport", "TestS5LateConnectionIsTurnedOut",
	},
	{
		"S4", "the hub is not held against the ledger", "broker/internal/ledger/prove.go",
		"\tif leaf != want {\n\t\treturn errDiffers(position)", "\tif false {\n\t\treturn errDiffers(position)",
		"./broker/internal/ledger", "TestS4DisagreementIsFoundAtStart",
	},
	{
		"S4", "tiles are not held against each other", "broker/internal/ledger/tiles.go",
		"level > 0 && h != below[at] {", "level > 0 && h != below[at] && false {",
		"./broker/internal/ledger", "TestS4DisagreementIsFoundAtStart",
	},
	{
		"S4", "a shorter hub is served", "broker/internal/ledger/check.go",
		"if last < head.Size {", "if false {",
		"./proof/exchange", "TestS4BrokerRefusesWhatDoesNotFit",
	},
	{
		"S4", "entries are anybody's to read", "broker/internal/ledger/prove.go",
		"if e.Sender != a && e.Recipient != a {", "if false {",
		"./proof/exchange", "TestS4BrokerProvesWhatItAnswered",
	},
	{
		"S4", "heads are believed whoever signed them", "schemas/ledger.go",
		"if _, err := note.Open([]byte(s), note.VerifierList(v)); err != nil {", "if _, err := note.Open([]byte(s), note.VerifierList(v)); false && err != nil {",
		"./schemas", "TestVectorsLedger",
	},
	{
		"S4", "heads are not held against earlier ones", "schemas/ledger.go",
		"byteSlices(path), h.Root[:], later.Root[:]); err != nil {", "byteSlices(path), h.Root[:], later.Root[:]); false && err != nil {",
		"./proof/exchange", "TestS4RestoredBrokerCannotProveItsPast",
	},
	{
		"S4", "heads in seals are not compared", "agent/effects.go",
		"if err := f.m.ledger.Heard(tx, t.Sender, t.Head); err != nil {", "if err := f.m.ledger.Heard(tx, t.Sender, nil); err != nil {",
		"./proof/exchange", "TestS4TwoViewsAreFoundOutBySeals",
	},
	{
		"S4", "a broker whose history forked is sent to", "agent/membership.go",
		"if l.m.ledger.Forked() {", "if false {",
		"./proof/exchange", "TestS4RestoredBrokerIsFoundOut",
	},
	{
		"S5", "a suspended member's envelopes pass the gate", "broker/internal/gate/submit.go",
		"\tcase status != schemas.MemberActive:\n\t\treturn a, errSuspended\n", "",
		"./broker/internal/gate", "TestS5SuspensionAgainstCommit",
	},
	{
		"S5", "a suspended member stays connected and is served", "broker/broker.go",
		"return b.nats.Admit(ctx, account, string(a), status != schemas.MemberActive,", "return b.nats.Admit(ctx, account, string(a), false,",
		"./proof/exchange", "TestS5SuspendedMemberGetsNothing",
	},
	{
		"S6", "values are not sealed at rest", "agent/internal/store/seal.go",
		"return k.values.Seal(nil, nil, plain, place(token, key))", "return append(k.values.Seal(nil, nil, plain, place(token, key)), plain...)",
		"./agent/internal/store", "Test.*",
	},
	{
		"S6", "the key of a map stands in the file", "agent/internal/store/seal.go",
		"return n.token('k', name, key)", "return []byte(name + key)",
		"./agent/internal/store", "Test.*",
	},
	{
		"S7", "an envelope may have any size", "schemas/envelope.go",
		"if len(data) > MaxSealed {", "if false {",
		"./proof/exchange", "TestS7BadInputIsAnswered",
	},
	{
		"S7", "JSON may nest without bound", "schemas/json.go",
		"if len(open) == cap(open) {", "if false {",
		"./schemas", "TestCheckJSON",
	},
	{
		"R1", "what came of a page before the line broke is thrown away", "agent/internal/inbox/pull.go",
		"if len(items) == 0 || c.Epoch == \"\" {", "if len(items) >= 0 {",
		"./agent/internal/inbox", "TestR1CutPagesGetOn",
	},
	{
		"R6", "parts of attachments go before events", "agent/internal/outbox/freeze.go",
		"if d.Part != nil && !parts {", "if false {",
		"./agent/internal/outbox", "TestR6PartsGoLast",
	},
	{
		"R6", "all parts of an attachment are under way at once", "agent/internal/attachments/outgoing.go",
		"const window = 4", "const window = 4000",
		"./agent/internal/attachments", "TestR6Window",
	},
	{
		"S1", "a part goes after its grant was revoked", "agent/internal/attachments/outgoing.go",
		"if o.Grant != grant {", "if true {",
		"./agent/internal/attachments", "TestS1NothingFollowsARevocation",
	},
	{
		"S1", "a part under another grant is taken", "agent/internal/attachments/incoming.go",
		"case a.Grant != i.Grant:", "case false:",
		"./proof/exchange", "TestS1ForgedPartsAreRefused",
	},
	{
		"S1", "a part of another category is taken", "agent/internal/attachments/incoming.go",
		"case a.Category != i.Category:", "case false:",
		"./agent/internal/attachments", "TestS1PartsAreHeldAgainstTheirEvent",
	},
	{
		"S1", "an attachment goes where its field is cut", "agent/parts.go",
		"\t\te = p.event\n", "\t\t_ = p\n",
		"./proof/exchange", "TestS1AttachmentGoesWhereItsFieldGoes",
	},
	{
		"S1", "what came of an attachment stays when its grant ends", "agent/internal/attachments/incoming.go",
		"\t\tif n != 0 {\n\t\t\tif err := dropBlob", "\t\tif n == 0 {\n\t\t\tif err := dropBlob",
		"./agent/internal/attachments", "TestS1WithdrawnBeforeComplete",
	},
	{
		"S3", "an attachment is not held against its digest", "agent/internal/attachments/incoming.go",
		"if got != i.Attachment {", "if false && got != i.Attachment {",
		"./agent/internal/attachments", "TestLyingPartsAreRefused",
	},
	{
		"S7", "incomplete attachments may fill the disk", "agent/internal/attachments/incoming.go",
		"sum.Bytes+bytes > MaxIncomplete", "sum.Bytes+bytes < 0",
		"./agent/internal/attachments", "TestS7IncompleteDocumentsAreBounded",
	},
	{
		"S7", "an attachment may have any size", "agent/internal/attachments/upload.go",
		"up.Bytes > schemas.MaxAttachment {", "up.Bytes < 0 {",
		"./agent/internal/attachments", "TestS7UploadIsBounded",
	},
	{
		"R1", "a restored agency asks nobody", "agent/restored.go",
		"\t\t\tif err := m.askPartner(tx, r, member.Agency, true); err != nil {\n\t\t\t\treturn err\n\t\t\t}\n", "",
		"./proof/exchange", "TestR1PartnersSendAgain",
	},
	{
		"R2", "a restored agency goes on in its old chain", "agent/internal/outbox/outbox.go",
		"\treturn durable.PutJSON(tx.Map(mapChains), keyChain, chain)\n", "\tif len(ended) > 0 {\n\t\treturn nil\n\t}\n\treturn durable.PutJSON(tx.Map(mapChains), keyChain, chain)\n",
		"./agent/internal/outbox", "TestBeginChain",
	},
	{
		"R2", "an older copy of an agency may pull", "broker/internal/gate/pull.go",
		"req.Chain != \"\" && req.Chain < newest", "req.Chain > newest && newest < \"0\"",
		"./proof/exchange", "TestR2OldMachineComesBack",
	},
	{
		"R2", "a refused copy goes on", "agent/doubled.go",
		"\tm.doubled.Store(true)\n", "\tm.doubled.Store(false)\n\treturn nil\n",
		"./proof/exchange", "TestR2ClonedAgencyIsFoundOut",
	},
	{
		"S1", "a restored agency does not hear of its own revocations", "agent/grant.go",
		"\tif p.Revocation == nil {\n\t\tp.Revocation, p.StoppedHere = &rec, now\n", "\tif p.Revocation == nil && !p.Issued(m.own) {\n\t\tp.Revocation, p.StoppedHere = &rec, now\n",
		"./proof/exchange", "TestS1RevokedStaysRevokedAfterRestore",
	},
	{
		"S1", "what no grant permits is sent again", "agent/supply.go",
		"\treturn err == nil, err\n", "\treturn true, nil\n",
		"./proof/exchange", "TestR1PartnersSendAgain",
	},
	{
		"S6", "a backup is not encrypted", "agent/internal/backup/write.go",
		"sealed := seal.Seal(nil, nil, now[:n], place(head, index, last))", "sealed := append(seal.Seal(nil, nil, now[:n], place(head, index, last)), now[:n]...)",
		"./proof/exchange", "TestS6BackupIsSealedAndWhole",
	},
	{
		"S6", "a backup with something behind its end is restored", "agent/internal/backup/read.go",
		"\t\treturn damaged(\"something stands behind its end\")\n", "\t\treturn io.EOF\n",
		"./proof/exchange", "TestS6BackupIsSealedAndWhole",
	},
	{
		"S6", "a store that was not closed is not opened value by value", "agent/internal/store/open.go",
		"err = s.Verify() //", "err = nil //",
		"./proof/exchange", "TestS6DamagedStoreIsFoundAtStart",
	},
}
