// The driver of the fake GPU, of which libtorch asks little: all else is the runtime's.
int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int *version) {
  *version = 13000;
  return 0;
}
int cuDeviceGetCount(int *count) {
  *count = 1;
  return 0;
}
int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = 0;
  return 0;
}
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
  *flags = 0;
  *active = 1;
  return 0;
}
int cuCtxGetCurrent(void **context) {
  static int only;
  *context = &only;
  return 0;
}
int cuCtxSetCurrent(void *context) { return 0; }
int cuGetErrorName(int error, const char **name) {
  *name = "fakeError";
  return 0;
}
int cuGetErrorString(int error, const char **text) {
  *text = "an error of the fake GPU";
  return 0;
}
