package schemas

// caseTypes are the event types of this file.
var caseTypes = []TypeInfo{}
