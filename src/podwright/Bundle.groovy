package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'd533a9dac5a246116965e524921428a7e465dde17499275b14f684e1a7f00343'
  static final String JOBS_SUM = 'b487256caa85f6a1120df21e056f173bbb2f9bcd8ee6ec6a4b3886e922371683'

  private static final long serialVersionUID = 1L
}
