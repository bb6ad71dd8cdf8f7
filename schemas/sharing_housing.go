package schemas

import "log/slog"

// Housing is where and how a client lives.
type Housing struct {
	// The manner.
	Arrangement LivingArrangement `json:"arrangement"`
	// Since when.
	Since Date `json:"since,omitzero"`
	// Expected to last six months.
	Stable *bool `json:"stable,omitempty"`
	// At risk of losing it.
	AtRisk *bool `json:"atRisk,omitempty"`
	// By when another place is needed.
	NeededBy Date `json:"neededBy,omitzero"`
	// Waiting lists joined.
	Waitlists []string `json:"waitlists,omitempty"`
	// Conditions that a place must meet, such as no steps.
	Restrictions []string `json:"restrictions,omitempty"`
}

// LogValue shows ids only.
func (p Housing) LogValue() slog.Value { return loggedIDs() }

// Benefit is one benefit and where it stands.
type Benefit struct {
	// The program.
	Program BenefitProgram `json:"program"`
	// Where it stands.
	Status BenefitStatus `json:"status"`
	// Day of that status.
	Since Date `json:"since,omitzero"`
	// By when to renew.
	RenewBy Date `json:"renewBy,omitzero"`
	// Amount a month, whole US dollars.
	AmountMonthlyDollars *int `json:"amountMonthlyDollars,omitempty"`
	// Until when a denial can be appealed.
	AppealBy Date `json:"appealBy,omitzero"`
}

// LogValue shows ids only.
func (p Benefit) LogValue() slog.Value { return loggedIDs() }

// BenefitProgram is a benefit program.
type BenefitProgram string

// The values of BenefitProgram.
const (
	BenefitProgramMedicaid             BenefitProgram = "medicaid"
	BenefitProgramMedicare             BenefitProgram = "medicare"
	BenefitProgramMarketplaceInsurance BenefitProgram = "marketplace-insurance"
	BenefitProgramSnap                 BenefitProgram = "snap"
	BenefitProgramTanf                 BenefitProgram = "tanf"
	BenefitProgramWic                  BenefitProgram = "wic"
	BenefitProgramSsi                  BenefitProgram = "ssi"
	BenefitProgramSsdi                 BenefitProgram = "ssdi"
	BenefitProgramGeneralAssistance    BenefitProgram = "general-assistance"
	BenefitProgramHousingVoucher       BenefitProgram = "housing-voucher"
	BenefitProgramVeterans             BenefitProgram = "veterans"
	BenefitProgramUnemployment         BenefitProgram = "unemployment"
	BenefitProgramChildCare            BenefitProgram = "child-care"
	BenefitProgramOther                BenefitProgram = "other"
)

// Values lists them, as the schema does.
func (BenefitProgram) Values() []string {
	return values(
		BenefitProgramMedicaid, BenefitProgramMedicare, BenefitProgramMarketplaceInsurance,
		BenefitProgramSnap, BenefitProgramTanf, BenefitProgramWic, BenefitProgramSsi, BenefitProgramSsdi,
		BenefitProgramGeneralAssistance, BenefitProgramHousingVoucher, BenefitProgramVeterans,
		BenefitProgramUnemployment, BenefitProgramChildCare, BenefitProgramOther,
	)
}

// BenefitStatus is where a benefit stands.
type BenefitStatus string

// The values of BenefitStatus.
const (
	BenefitStatusNotApplied BenefitStatus = "not-applied"
	BenefitStatusApplied    BenefitStatus = "applied"
	BenefitStatusPending    BenefitStatus = "pending"
	BenefitStatusActive     BenefitStatus = "active"
	BenefitStatusDenied     BenefitStatus = "denied"
	BenefitStatusSuspended  BenefitStatus = "suspended" // such as during custody
	BenefitStatusEnded      BenefitStatus = "ended"
	BenefitStatusAppealed   BenefitStatus = "appealed"
)

// Values lists them, as the schema does.
func (BenefitStatus) Values() []string {
	return values(
		BenefitStatusNotApplied, BenefitStatusApplied, BenefitStatusPending, BenefitStatusActive,
		BenefitStatusDenied, BenefitStatusSuspended, BenefitStatusEnded, BenefitStatusAppealed,
	)
}

// IdentityDocument is a document that shows who somebody is or what they may claim.
type IdentityDocument string

// The values of IdentityDocument.
const (
	IdentityDocumentStateID            IdentityDocument = "state-id"
	IdentityDocumentBirthCertificate   IdentityDocument = "birth-certificate"
	IdentityDocumentSocialSecurityCard IdentityDocument = "social-security-card"
	IdentityDocumentResidencePermit    IdentityDocument = "residence-permit"
	IdentityDocumentVeteranPapers      IdentityDocument = "veteran-papers"
	IdentityDocumentOther              IdentityDocument = "other"
)

// Values lists them, as the schema does.
func (IdentityDocument) Values() []string {
	return values(
		IdentityDocumentStateID, IdentityDocumentBirthCertificate, IdentityDocumentSocialSecurityCard,
		IdentityDocumentResidencePermit, IdentityDocumentVeteranPapers, IdentityDocumentOther,
	)
}

// Transportation is how somebody gets about.
type Transportation string

// The values of Transportation.
const (
	TransportationOwn      Transportation = "own"      // own vehicle
	TransportationPublic   Transportation = "public"   // public transport
	TransportationRides    Transportation = "rides"    // rides from others
	TransportationProvided Transportation = "provided" // provided by an agency
	TransportationNone     Transportation = "none"
)

// Values lists them, as the schema does.
func (Transportation) Values() []string {
	return values(
		TransportationOwn, TransportationPublic, TransportationRides, TransportationProvided,
		TransportationNone,
	)
}

// BasicNeed is a basic need, which comes first (TIP 27: pragmatic).
type BasicNeed string

// The values of BasicNeed.
const (
	BasicNeedFood      BasicNeed = "food"
	BasicNeedShelter   BasicNeed = "shelter"
	BasicNeedClothing  BasicNeed = "clothing"
	BasicNeedTransport BasicNeed = "transport"
	BasicNeedChildCare BasicNeed = "child-care"
	BasicNeedTelephone BasicNeed = "telephone"
	BasicNeedHygiene   BasicNeed = "hygiene"
)

// Values lists them, as the schema does.
func (BasicNeed) Values() []string {
	return values(
		BasicNeedFood, BasicNeedShelter, BasicNeedClothing, BasicNeedTransport, BasicNeedChildCare,
		BasicNeedTelephone, BasicNeedHygiene,
	)
}
