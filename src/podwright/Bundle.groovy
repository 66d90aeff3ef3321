package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'b7750d387223b8a76adbd794f3d5b1bbd4760f26950aaff57ef7553ee461e0e0'
  static final String JOBS_SUM = 'f4c0861dcec726ae163ca8deaf73aebf66e06645ff5e99819d1e1a7d35979632'

  private static final long serialVersionUID = 1L
}
