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
		"R2", "an event is recorded again when it comes again", "agent/internal/casebook/casebook.go",
		"err != nil || known {\n\t\treturn n, known, err\n\t}", "err != nil {\n\t\treturn n, known, err\n\t}",
		"./proof/exchange", "TestR2NothingHasItsEffectTwice",
	},
	{
		"R2", "an event accepted twice goes twice", "agent/accept.go",
		"X, "if known && false {\n\t\tout.ID, out.Known",
		"./proof/exchange", "TestR2NothingHasItsEffectTwice",
	},
	{
		"R4", "the view follows the order of arrival", "agent/internal/casebook/view.go",
		"return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))", "return cmp.Compare(a.Number, b.Number)",
		"./agent/internal/casebook", "TestR4LateTruthCorrects",
	},
	{
		"S1", "the recipient believes any terms", "agent/internal/inbox/take.go",
		"if err := schemas.MatchTerms(*grant, terms, rec); err != nil {\n\t\treturn err\n\t}", "_ = schemas.MatchTerms",
		"./proof/exchange", "TestS1RecipientRefusesWhatTheGrantDoesNotCover",
	},
	{
		"S1", "categories are not compared", "schemas/decide.go",
		"p, ok := t.Purpose(q.Category)\n\tif !ok {", "p, ok := t.Purpose(q.Category)\n\tif !ok && false {",
		"./proof/exchange", "TestS1RecipientRefusesWhatTheGrantDoesNotCover",
	},
	{
		"S2", "content is sealed and sent in clear beside it", "schemas/seal.go",
		"return append([]byte{sealVersion}, box...), nil", "return append(append([]byte{sealVersion}, box...), content...), nil",
		"./proof/exchange", "TestS2NothingCanBeReadOutside",
	},
	{
		"S3", "the account and the claimed sender are not compared", "broker/internal/gate/submit.go",
		"case s.envelope.Sender != \"\" && s.envelope.Sender != a:", "case false:",
		"./proof/exchange", "TestS3MemberCannotActAsAnother",
	},
	{
		"S6", "values are not sealed at rest", "agent/internal/store/seal.go",
		"", "",
		"./proof/exchange", "TestS6NothingCanBeReadAtRest",
	},
	{
		"S7", "an envelope may have any size", "schemas/envelope.go",
		"if len(data) > MaxSealed {", "if false {",
		"./proof/exchange", "TestS7BadInputIsAnswered",
	},
}
