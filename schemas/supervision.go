package schemas

// supervisionTypes are the event types of this file.
var supervisionTypes = []TypeInfo{}
