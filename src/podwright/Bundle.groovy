package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '50fff8ac49ab4343354b6ed6be883762bf10394483515cb147b78da68467d265'
  static final String JOBS_SUM = '4ec0ed3a7bf230616993115421fdc145023b62d74d47cc58b5401070edbe7d27'

  private static final long serialVersionUID = 1L
}
