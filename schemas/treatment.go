package schemas

// treatmentTypes are the event types of this file.
var treatmentTypes = []TypeInfo{}
