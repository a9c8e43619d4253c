// Puts CpuKernels.call into libtorch's dispatcher, as the kernel of operators on the fake GPU.
//
// libtorch's headers are not in the jar, and the bindings for Java cannot make a kernel out of a
// function. So the one function of the dispatcher that is needed is declared here by its symbol, its
// arguments by their layout in libtorch 2.10: those that are not trivial are passed by address.
#include <jni.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace {

JavaVM* java;
jobject kernels;
jmethodID call_method;

JNIEnv* environment() {
  JNIEnv* env;
  if (java->GetEnv(reinterpret_cast<void**>(&env), JNI_VERSION_1_8) != JNI_OK) {
    // Threads of autograd are libtorch's.
    java->AttachCurrentThreadAsDaemon(reinterpret_cast<void**>(&env), nullptr);
  }
  return env;
}

// c10::BoxedKernel::InternalBoxedKernelFunction
void call(void* functor, void* op, uint64_t keys, void* stack) {
  JNIEnv* env = environment();
  auto problem = static_cast<jstring>(env->CallObjectMethod(
      kernels, call_method, reinterpret_cast<jlong>(op), reinterpret_cast<jlong>(stack)));
  if (problem) {
    const char* text = env->GetStringUTFChars(problem, nullptr);
    std::string message = text;
    env->ReleaseStringUTFChars(problem, text);
    env->DeleteLocalRef(problem);
    throw std::runtime_error(message);
  }
}

// std::optional<c10::DispatchKey>
struct Key {
  uint16_t value;
  bool present;
};

// std::optional<c10::impl::CppSignature>
struct Signature {
  void* type;
  bool present;
};

// c10::KernelFunction: a functor, the function for boxed arguments, and those for others, which are
// missing here. Longer than the original, in case that grows.
struct Kernel {
  void* functor;
  void (*boxed)(void*, void*, uint64_t, void*);
  void* others[30];
};

// c10::Dispatcher::registerImpl; its result undoes the registration and is never destroyed.
extern "C" void register_kernel(void* result, void* dispatcher, void* operator_name, Key key,
                                Kernel* kernel, Signature signature, void** schema,
                                std::string* debug) asm(
    "_ZN3c1010Dispatcher12registerImplENS_12OperatorNameESt8optionalINS_11DispatchKeyEE"
    "NS_14KernelFunctionES2_INS_4impl12CppSignatureEESt10unique_ptrINS_14FunctionSchemaE"
    "St14default_deleteISA_EENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE");

}  // namespace

extern "C" JNIEXPORT void JNICALL Java_org_sparkmoe_fakegpu_CpuKernels_begin(JNIEnv* env,
                                                                              jclass type,
                                                                              jobject object) {
  env->GetJavaVM(&java);
  kernels = env->NewGlobalRef(object);
  call_method = env->GetMethodID(type, "call", "(JJ)Ljava/lang/String;");
}

extern "C" JNIEXPORT void JNICALL Java_org_sparkmoe_fakegpu_CpuKernels_redirect(
    JNIEnv* env, jclass type, jlong dispatcher, jlong operator_name, jint key) {
  char* result = new char[64]();
  Kernel kernel = {nullptr, &call, {}};
  void* no_schema = nullptr;
  std::string debug = "fake GPU";
  register_kernel(result, reinterpret_cast<void*>(dispatcher),
                  reinterpret_cast<void*>(operator_name), Key{static_cast<uint16_t>(key), true},
                  &kernel, Signature{nullptr, false}, &no_schema, &debug);
}
