package schemas

// sharingTypes are the event types of this file.
var sharingTypes = []TypeInfo{}
