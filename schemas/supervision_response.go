package schemas

import "log/slog"

// SupervisionResponseRecommended is the payload of [TypeSupervisionResponseRecommended]: the team, or a case
// manager, recommends a response to behaviour.
type SupervisionResponseRecommended struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The response.
	Response string `json:"response"`
	// Incentive, sanction or service adjustment.
	Kind ResponseKind `json:"kind"`
	// What is recommended.
	Action ResponseAction `json:"action"`
	// What the client did, and when.
	Behaviour Behaviour `json:"behaviour"`
	// Day of the recommendation.
	RecommendedOn Date `json:"recommendedOn"`
	// Who recommends.
	RecommendedBy TeamRole `json:"recommendedBy,omitempty"`
	// The hearing that it is for.
	Hearing string `json:"hearing,omitempty"`
	// How strong.
	Magnitude Magnitude `json:"magnitude,omitempty"`
	// Whether a clinician advised it; a change of treatment says so.
	ClinicianAdvised *bool `json:"clinicianAdvised,omitempty"`
	// The reason.
	Rationale string `json:"rationale,omitempty"`
}

// LogValue shows ids only.
func (p SupervisionResponseRecommended) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "response", p.Response, "hearing", p.Hearing)
}

// SupervisionResponseOrdered is the payload of [TypeSupervisionResponseOrdered]: the judge or officer orders a
// response: incentive, sanction or service adjustment. A clinical change is not a sanction.
type SupervisionResponseOrdered struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The response, the same as recommended.
	Response string `json:"response"`
	// Incentive, sanction or service adjustment.
	Kind ResponseKind `json:"kind"`
	// What is ordered.
	Action ResponseAction `json:"action"`
	// What the client did, and when.
	Behaviour Behaviour `json:"behaviour"`
	// Day of the order.
	OrderedOn Date `json:"orderedOn"`
	// Days from behaviour to response.
	DelayDays int `json:"delayDays"`
	// Who orders.
	OrderedBy JusticeRole `json:"orderedBy,omitempty"`
	// The hearing at which it was ordered.
	Hearing string `json:"hearing,omitempty"`
	// Whether it follows the recommendation.
	Recommended Recommended `json:"recommended,omitempty"`
	// How strong.
	Magnitude Magnitude `json:"magnitude,omitempty"`
	// How much: days, hours or sessions.
	Quantity ResponseQuantity `json:"quantity,omitzero"`
	// First day.
	BeginsOn Date `json:"beginsOn,omitzero"`
	// Last day.
	EndsOn Date `json:"endsOn,omitzero"`
	// Phase from now on, for promotion and demotion.
	Phase Phase `json:"phase,omitzero"`
	// Level of care, for a service adjustment.
	Level LevelOfCare `json:"level,omitzero"`
}

// LogValue shows ids only.
func (p SupervisionResponseOrdered) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "response", p.Response, "hearing", p.Hearing)
}

// Behaviour is what a client did, to which a response answers.
type Behaviour struct {
	// What it is.
	Kind BehaviourKind `json:"kind"`
	// The day on which it happened.
	On Date `json:"on"`
	// The event that reported it.
	Event EventID `json:"event,omitempty"`
	// For testing, what was found.
	TestFinding TestFinding `json:"testFinding,omitempty"`
	// Whether it is within the client's present ability.
	Proximal *bool `json:"proximal,omitempty"`
}

// LogValue shows ids only.
func (p Behaviour) LogValue() slog.Value { return loggedIDs("event", string(p.Event)) }

// BehaviourKind is conduct that responses answer.
type BehaviourKind string

// The values of BehaviourKind.
const (
	BehaviourKindAttendance BehaviourKind = "attendance"
	BehaviourKindAbsence    BehaviourKind = "absence"
	// conduct about drug tests; what was found is told only where drug tests may be
	BehaviourKindTesting             BehaviourKind = "testing"
	BehaviourKindHonesty             BehaviourKind = "honesty"
	BehaviourKindDishonesty          BehaviourKind = "dishonesty"
	BehaviourKindMilestone           BehaviourKind = "milestone"
	BehaviourKindEmploymentEducation BehaviourKind = "employment-education"
	BehaviourKindNewArrest           BehaviourKind = "new-arrest"
	BehaviourKindNoContactViolation  BehaviourKind = "no-contact-violation"
	BehaviourKindNoncompliance       BehaviourKind = "noncompliance"
	// no conduct, a clinical need; answered by service adjustment
	BehaviourKindTreatmentNeed BehaviourKind = "treatment-need"
	BehaviourKindOther         BehaviourKind = "other"
)

// Values lists them, as the schema does.
func (BehaviourKind) Values() []string {
	return values(
		BehaviourKindAttendance, BehaviourKindAbsence, BehaviourKindTesting, BehaviourKindHonesty,
		BehaviourKindDishonesty, BehaviourKindMilestone, BehaviourKindEmploymentEducation,
		BehaviourKindNewArrest, BehaviourKindNoContactViolation, BehaviourKindNoncompliance,
		BehaviourKindTreatmentNeed, BehaviourKindOther,
	)
}

// TestFinding is what drug tests showed of conduct; a presumptive result shows nothing.
type TestFinding string

// The values of TestFinding.
const (
	TestFindingNegativeSeries    TestFinding = "negative-series"    // a series of negative tests
	TestFindingConfirmedPositive TestFinding = "confirmed-positive" // confirmed or admitted
	TestFindingMissed            TestFinding = "missed"             // no-show, a fact apart
	TestFindingRefused           TestFinding = "refused"
	TestFindingTampered          TestFinding = "tampered" // substituted or adulterated
)

// Values lists them, as the schema does.
func (TestFinding) Values() []string {
	return values(
		TestFindingNegativeSeries, TestFindingConfirmedPositive, TestFindingMissed, TestFindingRefused,
		TestFindingTampered,
	)
}

// ResponseKind is the three responses (All Rise standards: incentives, sanctions, service adjustments).
type ResponseKind string

// The values of ResponseKind.
const (
	ResponseKindIncentive         ResponseKind = "incentive"
	ResponseKindSanction          ResponseKind = "sanction"
	ResponseKindServiceAdjustment ResponseKind = "service-adjustment"
)

// Values lists them, as the schema does.
func (ResponseKind) Values() []string {
	return values(ResponseKindIncentive, ResponseKindSanction, ResponseKindServiceAdjustment)
}

// ResponseAction is what is done.
type ResponseAction string

// The values of ResponseAction.
const (
	ResponseActionPraise               ResponseAction = "praise"                // incentive
	ResponseActionCertificate          ResponseAction = "certificate"           // incentive
	ResponseActionGift                 ResponseAction = "gift"                  // incentive
	ResponseActionFeeReduction         ResponseAction = "fee-reduction"         // incentive
	ResponseActionFewerHearings        ResponseAction = "fewer-hearings"        // incentive
	ResponseActionPhasePromotion       ResponseAction = "phase-promotion"       // incentive
	ResponseActionGraduation           ResponseAction = "graduation"            // incentive
	ResponseActionWarning              ResponseAction = "warning"               // sanction
	ResponseActionEssay                ResponseAction = "essay"                 // sanction
	ResponseActionMoreHearings         ResponseAction = "more-hearings"         // sanction
	ResponseActionCurfew               ResponseAction = "curfew"                // sanction
	ResponseActionCommunityService     ResponseAction = "community-service"     // sanction
	ResponseActionHomeDetention        ResponseAction = "home-detention"        // sanction
	ResponseActionJail                 ResponseAction = "jail"                  // sanction, short
	ResponseActionPhaseDemotion        ResponseAction = "phase-demotion"        // sanction
	ResponseActionTermination          ResponseAction = "termination"           // sanction
	ResponseActionMoreTreatment        ResponseAction = "more-treatment"        // service adjustment
	ResponseActionLessTreatment        ResponseAction = "less-treatment"        // service adjustment
	ResponseActionLevelOfCareReview    ResponseAction = "level-of-care-review"  // service adjustment
	ResponseActionMedicationEvaluation ResponseAction = "medication-evaluation" // service adjustment
	ResponseActionComplementaryService ResponseAction = "complementary-service" // service adjustment
	ResponseActionMoreSupervision      ResponseAction = "more-supervision"      // service adjustment
	ResponseActionLessSupervision      ResponseAction = "less-supervision"      // service adjustment
)

// Values lists them, as the schema does.
func (ResponseAction) Values() []string {
	return values(
		ResponseActionPraise, ResponseActionCertificate, ResponseActionGift, ResponseActionFeeReduction,
		ResponseActionFewerHearings, ResponseActionPhasePromotion, ResponseActionGraduation,
		ResponseActionWarning, ResponseActionEssay, ResponseActionMoreHearings, ResponseActionCurfew,
		ResponseActionCommunityService, ResponseActionHomeDetention, ResponseActionJail,
		ResponseActionPhaseDemotion, ResponseActionTermination, ResponseActionMoreTreatment,
		ResponseActionLessTreatment, ResponseActionLevelOfCareReview, ResponseActionMedicationEvaluation,
		ResponseActionComplementaryService, ResponseActionMoreSupervision, ResponseActionLessSupervision,
	)
}

// Magnitude is how strong a response is.
type Magnitude string

// The values of Magnitude.
const (
	MagnitudeLow      Magnitude = "low"
	MagnitudeModerate Magnitude = "moderate"
	MagnitudeHigh     Magnitude = "high"
)

// Values lists them, as the schema does.
func (Magnitude) Values() []string {
	return values(MagnitudeLow, MagnitudeModerate, MagnitudeHigh)
}

// Recommended is whether an order follows the recommendation.
type Recommended string

// The values of Recommended.
const (
	RecommendedAsRecommended  Recommended = "as-recommended"
	RecommendedChanged        Recommended = "changed"
	RecommendedNotRecommended Recommended = "not-recommended"
)

// Values lists them, as the schema does.
func (Recommended) Values() []string {
	return values(RecommendedAsRecommended, RecommendedChanged, RecommendedNotRecommended)
}

// ResponseQuantity is so much of something.
type ResponseQuantity struct {
	// How many.
	Number int `json:"number"`
	// Of what.
	Unit ResponseUnit `json:"unit"`
}

// LogValue shows ids only.
func (p ResponseQuantity) LogValue() slog.Value { return loggedIDs() }

// ResponseUnit is the unit of a response's quantity.
type ResponseUnit string

// The values of ResponseUnit.
const (
	ResponseUnitHours    ResponseUnit = "hours"
	ResponseUnitDays     ResponseUnit = "days"
	ResponseUnitSessions ResponseUnit = "sessions"
	ResponseUnitDollars  ResponseUnit = "dollars"
)

// Values lists them, as the schema does.
func (ResponseUnit) Values() []string {
	return values(ResponseUnitHours, ResponseUnitDays, ResponseUnitSessions, ResponseUnitDollars)
}
